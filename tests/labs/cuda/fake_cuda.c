/* What libonnxruntime_providers_cuda.so calls of CUDA, answered without a card: memory is the host's,
   kernels do nothing. What a session loads, places, binds and copies is real; what it computes is not.
   Names and signatures: CUDA Runtime API, https://docs.nvidia.com/cuda/cuda-runtime-api/. Everything
   else that the library asks for is a function that answers 0, see library.py. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int error_t_;
typedef void *handle;

static int devices(void) {
    const char *told = getenv("FAKE_CUDA_DEVICES");
    return told ? atoi(told) : 1;
}

static size_t memory(void) {
    const char *told = getenv("FAKE_CUDA_MEMORY_BYTES");
    return told ? strtoull(told, 0, 10) : (size_t)8 << 30;
}

static size_t used;
struct block { size_t bytes; size_t unused; };

static error_t_ take(void **at, size_t bytes) {
    if (used + bytes > memory()) { *at = 0; return 2; /* cudaErrorMemoryAllocation */ }
    struct block *made = aligned_alloc(256, (bytes + 256 + 255) / 256 * 256);
    made->bytes = bytes;
    used += bytes;
    *at = (char *)made + 256;
    return 0;
}

static error_t_ give(void *at) {
    if (!at) return 0;
    struct block *made = (struct block *)((char *)at - 256);
    used -= made->bytes;
    free(made);
    return 0;
}

static error_t_ made_handle(handle *at) { *at = calloc(1, 64); return 0; }

error_t_ cudaGetDeviceCount(int *count) { *count = devices(); return devices() ? 0 : 100; }
error_t_ cudaGetDevice(int *device) { *device = 0; return 0; }
error_t_ cudaRuntimeGetVersion(int *version) { *version = 13000; return 0; }
error_t_ cudaDriverGetVersion(int *version) { *version = 13000; return 0; }
const char *cudaGetErrorName(error_t_ error) { return error == 2 ? "cudaErrorMemoryAllocation" : "cudaErrorUnknown"; }
const char *cudaGetErrorString(error_t_ error) { return error == 2 ? "out of memory" : error == 100 ? "no CUDA-capable device is detected" : "unknown error"; }
error_t_ cudaMemGetInfo(size_t *left, size_t *all) { *all = memory(); *left = memory() - used; return 0; }
error_t_ cudaMalloc(void **at, size_t bytes) { return take(at, bytes); }
error_t_ cudaMallocHost(void **at, size_t bytes) { *at = malloc(bytes); return 0; }
error_t_ cudaHostAlloc(void **at, size_t bytes, unsigned flags) { (void)flags; *at = malloc(bytes); return 0; }
error_t_ cudaFree(void *at) { return give(at); }
error_t_ cudaFreeHost(void *at) { free(at); return 0; }
error_t_ cudaMemcpy(void *to, const void *from, size_t bytes, int kind) { (void)kind; memmove(to, from, bytes); return 0; }
error_t_ cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, handle stream) { (void)kind; (void)stream; memmove(to, from, bytes); return 0; }
error_t_ cudaMemset(void *at, int value, size_t bytes) { memset(at, value, bytes); return 0; }
error_t_ cudaMemsetAsync(void *at, int value, size_t bytes, handle stream) { (void)stream; memset(at, value, bytes); return 0; }
error_t_ cudaStreamCreate(handle *at) { return made_handle(at); }
error_t_ cudaStreamCreateWithFlags(handle *at, unsigned flags) { (void)flags; return made_handle(at); }
error_t_ cudaEventCreate(handle *at) { return made_handle(at); }
error_t_ cudaEventCreateWithFlags(handle *at, unsigned flags) { (void)flags; return made_handle(at); }
error_t_ cudaDeviceGetAttribute(int *value, int attribute, int device) { (void)attribute; (void)device; *value = 1024; return 0; }
/* cudaDeviceProp of CUDA 13: name[256], uuid[16], luid[8], 4 bytes, 4 of padding, totalGlobalMem at 288,
   ..., major at 360, minor at 364, multiProcessorCount at 388. */
error_t_ cudaGetDeviceProperties(void *properties, int device) {
    (void)device;
    char *at = properties;
    memset(at, 0, 1008);
    strcpy(at, "a card that is none");
    *(size_t *)(at + 288) = memory();
    *(size_t *)(at + 296) = 49152;
    *(int *)(at + 304) = 65536;
    *(int *)(at + 308) = 32;
    *(int *)(at + 320) = 1024;
    *(int *)(at + 360) = 9;
    *(int *)(at + 364) = 0;
    *(int *)(at + 388) = 132;
    return 0;
}
error_t_ cublasCreate_v2(handle *at) { return made_handle(at); }
error_t_ cublasLtCreate(handle *at) { return made_handle(at); }
error_t_ curandCreateGenerator(handle *at, int kind) { (void)kind; return made_handle(at); }
handle *__cudaRegisterFatBinary(void *binary) { (void)binary; return calloc(1, 64); }
error_t_ cudaStreamIsCapturing(handle stream, int *status) { (void)stream; *status = 0; return 0; }
error_t_ cudaPointerGetAttributes(void *found, const void *at) { (void)at; memset(found, 0, 32); return 0; }
error_t_ cudaGraphInstantiate(handle *at, handle graph, unsigned long long flags) { (void)graph; (void)flags; return made_handle(at); }
error_t_ cudaStreamEndCapture(handle stream, handle *graph) { (void)stream; return made_handle(graph); }

/* The driver's, https://docs.nvidia.com/cuda/cuda-driver-api/: events are moments of our own clock. */
error_t_ cuInit(unsigned flags) { (void)flags; return devices() ? 0 : 100; /* CUDA_ERROR_NO_DEVICE */ }
error_t_ cuDeviceGet(int *device, int number) { *device = number; return number < devices() ? 0 : 101; }
error_t_ cuDeviceGetAttribute(int *value, int attribute, int device) { (void)attribute; (void)device; *value = 1 << 20; return 0; }
error_t_ cuDevicePrimaryCtxRetain(handle *at, int device) { (void)device; return made_handle(at); }
error_t_ cuCtxSetCurrent(handle at) { (void)at; return 0; }
error_t_ cuStreamCreate(handle *at, unsigned flags) { (void)flags; return made_handle(at); }
error_t_ cuStreamSynchronize(handle at) { (void)at; return 0; }
error_t_ cuMemAlloc_v2(unsigned long long *at, size_t bytes) { return take((void **)at, bytes); }
error_t_ cuMemFree_v2(unsigned long long at) { return give((void *)at); }
error_t_ cuMemsetD8Async(unsigned long long at, unsigned char value, size_t bytes, handle stream) { (void)stream; memset((void *)at, value, bytes); return 0; }
error_t_ cuEventCreate(handle *at, unsigned flags) { (void)flags; return made_handle(at); }
error_t_ cuEventRecord(handle event, handle stream) { (void)stream; return clock_gettime(CLOCK_MONOTONIC, event); }
error_t_ cuEventElapsedTime(float *ms, handle first, handle second) {
    struct timespec *a = first, *b = second;
    *ms = (b->tv_sec - a->tv_sec) * 1e3 + (b->tv_nsec - a->tv_nsec) / 1e6;
    return 0;
}
error_t_ cuEventDestroy_v2(handle event) { free(event); return 0; }
error_t_ cuGetErrorString(int code, const char **words) { *words = code == 100 ? "no CUDA-capable device is detected" : code == 2 ? "out of memory" : "unknown error"; return 0; }
error_t_ cuMemAllocHost_v2(handle *at, size_t bytes) { *at = malloc(bytes); return 0; }
error_t_ cuMemFreeHost(handle at) { free(at); return 0; }
error_t_ cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, handle stream) { (void)stream; memcpy((void *)to, from, bytes); return 0; }
error_t_ cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, handle stream) { (void)stream; memcpy(to, (void *)from, bytes); return 0; }
error_t_ cuStreamBeginCapture_v2(handle stream, int mode) { (void)stream; (void)mode; return 0; }
error_t_ cuStreamEndCapture(handle stream, handle *graph) { (void)stream; return made_handle(graph); }
error_t_ cuGraphInstantiateWithFlags(handle *at, handle graph, unsigned long long flags) { (void)graph; (void)flags; return made_handle(at); }
error_t_ cuGraphLaunch(handle graph, handle stream) { (void)graph; (void)stream; return 0; }
error_t_ cuGraphDestroy(handle graph) { (void)graph; return 0; }
error_t_ cuGraphExecDestroy(handle graph) { (void)graph; return 0; }
