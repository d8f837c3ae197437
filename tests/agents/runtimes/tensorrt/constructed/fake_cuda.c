/* The calls of NVIDIA's driver that run an engine, on memory of the host.
 *
 * Semantics follow the reference of the CUDA driver API: work is handed to a stream in order; while
 * a stream is captured nothing is executed and a graph is made instead; events are stamped as the
 * stream reaches them. Addresses of the device carry a tag, so that one of the host in its place is
 * an error as it would be on a card. Time is counted, not taken: a byte copied is 1 ns, a kernel 1 us.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAG 0x1000000000000000ULL
#define MOST 64
enum { COPY, SET, KERNEL };
typedef struct { int kind; unsigned char *to, *from; size_t count; } Work;
typedef struct { Work work[MOST]; int count; } Graph;

static Graph *capturing;
static uint64_t now_ns;
static int counts[3], launches, synchronized, allocated;
static int driver_ok = 1;

static int device(uint64_t address, unsigned char **found) {
    if (!(address & TAG)) return 0;
    *found = (unsigned char *)(uintptr_t)(address & ~TAG);
    return 1;
}

static int execute(Work one) {
    counts[one.kind]++;
    if (one.kind == COPY) { memcpy(one.to, one.from, one.count); now_ns += one.count; }
    if (one.kind == SET) memset(one.to, 0, one.count);
    if (one.kind == KERNEL) {
        for (size_t at = 0; at < one.count; at++) ((float *)one.to)[at] = 2 * ((float *)one.from)[at];
        now_ns += 1000;
    }
    return 0;
}

static int hand_over(Work one) {
    if (!capturing) return execute(one);
    if (capturing->count == MOST) return 1;
    capturing->work[capturing->count++] = one;
    return 0;
}

int fake_kernel(uint64_t from, uint64_t to, size_t count) {
    Work one = {KERNEL, 0, 0, count};
    if (!device(from, &one.from) || !device(to, &one.to)) return 1;
    return hand_over(one);
}
int fake_count(int kind) { return counts[kind]; }
int fake_launches(void) { return launches; }
int fake_waits(void) { return synchronized; }
int fake_allocated(void) { return allocated; }
void fake_driver(int ok) { driver_ok = ok; }

int cuInit(unsigned flags) { return driver_ok ? 0 : 100; }
int cuDeviceGet(int *found, int at) { *found = at; return 0; }
int cuDeviceGetAttribute(int *found, int which, int at) { *found = which == 38 ? 4096 : 0; return 0; }
int cuDevicePrimaryCtxRetain(void **found, int at) { *found = (void *)1; return 0; }
int cuCtxSetCurrent(void *context) { return context ? 0 : 201; }
int cuStreamCreate(void **found, unsigned flags) { *found = (void *)7; return 0; }
int cuStreamSynchronize(void *stream) { synchronized++; return capturing ? 900 : 0; }
int cuMemAlloc_v2(uint64_t *found, size_t count) {
    if (count > (1 << 30)) return 2;
    allocated++;
    *found = (uint64_t)(uintptr_t)malloc(count) | TAG;
    return 0;
}
int cuMemFree_v2(uint64_t address) {
    unsigned char *found;
    if (!device(address, &found)) return 1;
    allocated--;
    free(found);
    return 0;
}
int cuMemAllocHost_v2(void **found, size_t count) { allocated++; *found = malloc(count); return 0; }
int cuMemFreeHost(void *address) { allocated--; free(address); return 0; }
int cuMemcpyHtoDAsync_v2(uint64_t to, void *from, size_t count, void *stream) {
    Work one = {COPY, 0, from, count};
    return device(to, &one.to) ? hand_over(one) : 1;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t count, void *stream) {
    Work one = {COPY, to, 0, count};
    return device(from, &one.from) ? hand_over(one) : 1;
}
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, void *stream) {
    Work one = {SET, 0, 0, count};
    return device(to, &one.to) ? hand_over(one) : 1;
}
int cuEventCreate(void **found, unsigned flags) { *found = calloc(1, 8); return 0; }
int cuEventRecord(void *event, void *stream) { *(uint64_t *)event = now_ns; return 0; }
int cuEventElapsedTime(float *found, void *first, void *second) {
    *found = (float)(*(uint64_t *)second - *(uint64_t *)first) / 1e6f;
    return 0;
}
int cuEventDestroy_v2(void *event) { free(event); return 0; }
int cuStreamBeginCapture_v2(void *stream, int mode) { capturing = calloc(1, sizeof(Graph)); return 0; }
int cuStreamEndCapture(void *stream, void **found) { *found = capturing; capturing = 0; return 0; }
int cuGraphInstantiateWithFlags(void **found, void *graph, uint64_t flags) {
    *found = malloc(sizeof(Graph));
    memcpy(*found, graph, sizeof(Graph));
    return 0;
}
int cuGraphLaunch(void *graph, void *stream) {
    launches++;
    for (int at = 0; at < ((Graph *)graph)->count; at++) execute(((Graph *)graph)->work[at]);
    return 0;
}
int cuGraphDestroy(void *graph) { free(graph); return 0; }
int cuGraphExecDestroy(void *graph) { free(graph); return 0; }
int cuGetErrorString(int code, const char **found) {
    *found = code == 2 ? "out of memory" : code == 100 ? "no CUDA-capable device is detected"
             : "invalid argument";
    return 0;
}
