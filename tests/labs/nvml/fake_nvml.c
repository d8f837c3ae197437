/* A library that answers like NVML for as many cards as the file `state` beside it says.

   constructed/ from NVML's reference (functions, units, error codes) and from the structures of the
   bindings in nvidia-ml-py 13.615; no card was ever asked. Each line of `state` is `name value`,
   read at each call: `driver 580.95.05`, `gpus 2`, `0.temperature 61`, `0.fail 15` (every question
   to card 0), `0.fail.nvmlDeviceGetSerial 3` (one), `fail.nvmlInitWithFlags 9`, `0.pids 77 self:4096 78:?` (process, and its bytes of the card). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { int gpu, part; } Device;
typedef struct { u32 id, scope; long long at, took; u32 type; int said; union { u64 u; double d; } value; } Field;
typedef struct { char old[16]; u32 domain, bus, device, id, sub; char address[32]; } Pci;
typedef struct { u64 total, free, used; } Memory;
typedef struct { u32 pid; u64 used; u32 gpu, part; } Process;
typedef struct { u32 version, sensor; int celsius; } Temperature;
typedef struct { Device *device; u64 type, data; u32 gpu, part; } Event;

static Device cards[8][8];

static int look(const char *name, char *found, size_t size) {
    Dl_info here;
    char path[4096], line[256];
    int there = 0;
    dladdr((void *)look, &here);
    snprintf(path, sizeof path, "%s", here.dli_fname);
    snprintf(strrchr(path, '/') + 1, 6, "state");
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        size_t n = strlen(name);
        if (!strncmp(line, name, n) && line[n] == ' ') {
            line[strcspn(line, "\n")] = 0;
            snprintf(found, size, "%s", line + n + 1);
            there = 1;
        }
    }
    if (file) fclose(file);
    return there;
}
static double number(const char *name, double otherwise) {
    char found[128];
    return look(name, found, sizeof found) ? atof(found) : otherwise;
}
static double of(Device *d, const char *name, double otherwise) {
    char full[128];
    snprintf(full, sizeof full, "%d.%s", d->gpu, name);
    return number(full, otherwise);
}
static int failed(const char *function, Device *d) {
    char name[128];
    snprintf(name, sizeof name, "fail.%s", function);
    int said = d ? (int)of(d, "fail", 0) : 0;
    if (!said && d) said = (int)of(d, name, 0);
    return said ? said : (int)number(name, 0);
}
static int say(char *to, u32 size, const char *what) {
    if (strlen(what) >= size) return 7;
    strcpy(to, what);
    return 0;
}
/* Millijoules since the driver was loaded, new every `period_ms`; `energy` is where it began. */
static u64 energy(Device *d) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    u64 period = (u64)of(d, "period_ms", 100), ms = now.tv_sec * 1000ull + now.tv_nsec / 1000000;
    return (u64)(of(d, "energy", 1e6) + ms / period * period * of(d, "power", 70000) / 1000);
}

#define ASK(name, d, ...) int name(Device *d, ##__VA_ARGS__)
#define TRY int error = failed(__func__, d); if (error) return error
#define NUMBER(function, key, otherwise) \
    ASK(function, d, u32 *to) { TRY; *to = (u32)of(d, key, otherwise); return 0; }

int nvmlInitWithFlags(u32 flags) { (void)flags; return failed(__func__, NULL); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the fake library"; }
int nvmlSystemGetDriverVersion(char *to, u32 size) {
    char version[80] = "580.95.05";
    look("driver", version, sizeof version);
    int error = failed(__func__, NULL);
    return error ? error : say(to, size, version);
}
int nvmlSystemGetCudaDriverVersion_v2(int *to) { *to = (int)number("cuda", 13000); return 0; }
int nvmlDeviceGetCount_v2(u32 *to) { *to = (u32)number("gpus", 1); return failed(__func__, NULL); }
int nvmlDeviceGetHandleByIndex_v2(u32 index, Device **to) {
    if (index >= number("gpus", 1)) return 2;
    *to = &cards[index][0];
    (*to)->gpu = (int)index;
    return failed(__func__, *to);
}
int nvmlDeviceGetMaxMigDeviceCount(Device *d, u32 *to) { *to = of(d, "mig", 0) ? 7 : 0; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *d, u32 index, Device **to) {
    if (index >= of(d, "parts", 0)) return 6;
    *to = &cards[d->gpu][index + 1];
    **to = (Device){d->gpu, (int)index + 1};
    return 0;
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device *d, Device **to) { *to = &cards[d->gpu][0]; return 0; }
ASK(nvmlDeviceGetUUID, d, char *to, u32 size) {
    char uuid[96];
    TRY;
    snprintf(uuid, sizeof uuid, "%s-5f3a%03d%d-0000-4000-8000-000000000000", d->part ? "MIG" : "GPU", d->part, d->gpu);
    return say(to, size, uuid);
}
int nvmlDeviceGetHandleByUUID(const char *wanted, Device **to) {
    char uuid[96];
    for (int gpu = 0; gpu < number("gpus", 1); gpu++)
        for (int part = 0; part <= 7; part++) {
            Device one = {gpu, part};
            if (part > of(&one, "parts", 0)) break;
            cards[gpu][part] = one;
            *to = &cards[gpu][part];
            int error = nvmlDeviceGetUUID(*to, uuid, sizeof uuid);
            snprintf(uuid, sizeof uuid, "%s-5f3a%03d%d-0000-4000-8000-000000000000", part ? "MIG" : "GPU", part, gpu);
            if (!strcmp(uuid, wanted)) return error;
        }
    return 6;
}
ASK(nvmlDeviceGetName, d, char *to, u32 size) {
    char name[96] = "NVIDIA H200", key[16];
    TRY;
    snprintf(key, sizeof key, "%d.name", d->gpu);
    look(key, name, sizeof name);
    return say(to, size, name);
}
ASK(nvmlDeviceGetSerial, d, char *to, u32 size) { TRY; return say(to, size, "1320000000000"); }
ASK(nvmlDeviceGetVbiosVersion, d, char *to, u32 size) { TRY; return say(to, size, "96.00.BC.00.01"); }
ASK(nvmlDeviceGetPciInfo_v3, d, Pci *to) {
    TRY;
    memset(to, 0, sizeof *to);
    snprintf(to->address, sizeof to->address, "00000000:%02X:00.0", (u32)of(d, "bus", 0xF0 + d->gpu));
    return 0;
}
ASK(nvmlDeviceGetMemoryInfo, d, Memory *to) {
    TRY;
    to->total = (u64)of(d, "memory", 150754820096.0) / (d->part ? 7 : 1);
    to->used = (u64)of(d, "used", 1 << 20);
    to->free = to->total - to->used;
    return 0;
}
ASK(nvmlDeviceGetCudaComputeCapability, d, int *major, int *minor) { TRY; *major = 9; *minor = 0; return 0; }
ASK(nvmlDeviceGetEccMode, d, u32 *now, u32 *next) { TRY; *now = *next = (u32)of(d, "ecc", 1); return 0; }
ASK(nvmlDeviceGetMigMode, d, u32 *now, u32 *next) { TRY; *now = *next = (u32)of(d, "mig", 0); return 0; }
ASK(nvmlDeviceGetTotalEccErrors, d, u32 kind, u32 since, u64 *to) {
    (void)since; TRY; *to = (u64)(kind ? of(d, "uncorrected", 0) : 0); return 0;
}
ASK(nvmlDeviceGetPowerManagementLimitConstraints, d, u32 *low, u32 *high) {
    TRY; *low = 200000; *high = 700000; return 0;
}
NUMBER(nvmlDeviceGetArchitecture, "architecture", 9)
NUMBER(nvmlDeviceGetPersistenceMode, "persistence", 1)
NUMBER(nvmlDeviceGetPowerManagementLimit, "limit", 700000)
NUMBER(nvmlDeviceGetPerformanceState, "state", 0)
NUMBER(nvmlDeviceGetPowerUsage, "power", 70000)
NUMBER(nvmlDeviceGetComputeMode, "compute_mode", 0)
NUMBER(nvmlDeviceGetMinorNumber, "minor", d->gpu)
NUMBER(nvmlDeviceGetGpuInstanceId, "instance", d->part)
ASK(nvmlDeviceGetTotalEnergyConsumption, d, u64 *to) { TRY; if (d->part) return 3; *to = energy(d); return 0; }
ASK(nvmlDeviceGetTemperatureV, d, Temperature *to) {
    TRY; if (to->version != 0x100000C) return 25; to->celsius = (int)of(d, "temperature", 41); return 0;
}
ASK(nvmlDeviceGetClock, d, u32 kind, u32 which, u32 *to) {
    TRY; *to = (u32)of(d, which ? (kind == 2 ? "set_memory_mhz" : "set_sm_mhz") : (kind == 2 ? "memory_mhz" : "sm_mhz"),
                       kind == 2 ? 2619 : 1980);
    return 0;
}
ASK(nvmlDeviceGetCurrentClocksEventReasons, d, u64 *to) { TRY; *to = (u64)of(d, "reasons", 0); return 0; }
ASK(nvmlDeviceGetFieldValues, d, int count, Field *to) {
    TRY;
    for (int i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof key, to[i].scope ? "field%u.%u" : "field%u", to[i].id, to[i].scope);
        int power = to[i].id == 185 || to[i].id == 186;
        double found = of(d, key, to[i].scope ? -1 : power ? of(d, "power", 70000) : 0);
        snprintf(key, sizeof key, "field%u.share", to[i].id); /* of all time, as a counter of ns */
        double share = of(d, key, 0);
        if (share) {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            found = share * (now.tv_sec * 1e9 + now.tv_nsec);
        }
        to[i].said = found < 0 ? 3 : 0;
        to[i].type = 3;
        to[i].value.u = (u64)found;
    }
    return 0;
}
static int processes(Device *d, const char *key, u32 *count, Process *to) {
    char full[64], found[128] = "";
    u32 pids[16], n = 0;
    u64 used[16];
    snprintf(full, sizeof full, "%d.%s", d->gpu, key);
    look(full, found, sizeof found);
    for (char *word = strtok(found, " "); word && n < 16; word = strtok(NULL, " ")) {
        char *bytes = strchr(word, ':');
        used[n] = bytes ? (bytes[1] == '?' ? ~0ull : strtoull(bytes + 1, NULL, 10)) : 1 << 20;
        pids[n++] = strncmp(word, "self", 4) ? (u32)atoi(word) : (u32)getpid();
    }
    u32 room = *count;
    *count = n;
    if (room < n) return 7;
    for (u32 i = 0; to && i < n; i++) to[i] = (Process){pids[i], used[i], 0xFFFFFFFF, 0xFFFFFFFF};
    return 0;
}
ASK(nvmlDeviceGetComputeRunningProcesses_v3, d, u32 *count, Process *to) { TRY; return processes(d, "pids", count, to); }
ASK(nvmlDeviceGetGraphicsRunningProcesses_v3, d, u32 *count, Process *to) { TRY; return processes(d, "screens", count, to); }

/* A locked clock outlives the process that locked it: it is the file `locked.GPU`. */
static void locked(Device *d, char *path, size_t size) {
    Dl_info here;
    dladdr((void *)locked, &here);
    snprintf(path, size, "%s", here.dli_fname);
    sprintf(strrchr(path, '/') + 1, "locked.%d", d->gpu);
}
ASK(nvmlDeviceSetGpuLockedClocks, d, u32 low, u32 high) {
    char path[4096];
    TRY;
    locked(d, path, sizeof path);
    FILE *file = fopen(path, "w");
    fprintf(file, "%u %u", low, high);
    fclose(file);
    return 0;
}
ASK(nvmlDeviceResetGpuLockedClocks, d) {
    char path[4096];
    TRY;
    locked(d, path, sizeof path);
    unlink(path);
    return 0;
}

static Device *watched[64];
static int sets;
int nvmlEventSetCreate(void **to) { *to = &watched[sets++ % 64]; return 0; }
ASK(nvmlDeviceRegisterEvents, d, u64 types, Device **set) { (void)types; TRY; *set = d; return 0; }
int nvmlEventSetFree(Device **set) { *set = NULL; return 0; }
int nvmlEventSetWait_v2(Device **set, Event *to, u32 timeout) {
    (void)timeout;
    double xid = *set ? of(*set, "xid", 0) : 0;
    if (!xid) return 10;
    *to = (Event){*set, 8, (u64)xid, 0, 0};
    return 0;
}
