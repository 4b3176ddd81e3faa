/* A libnvidia-ml.so.1 that answers from the file that NVML_ANSWERS names, so that pynvml's own structures are exercised.
   Signatures and structures as in nvml.h of CUDA 12 and 13; numbers of errors as nvmlReturn_t. Lines of the file:

     init|ERROR
     gpu|INDEX|UUID|NAME|TOTAL|RESERVED|USED|UTILIZATION|MIG PLACES (0: not divided)|ERROR (of every measurement)
     part|INDEX|UUID|NAME|TOTAL|RESERVED|USED|-1|PLACE|ERROR
     process|UUID|c or g|PID|BYTES (-1: not told)
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, INVALID_ARGUMENT = 2, OLD_DRIVER = 13 };

typedef struct {
    int is_part, index, utilization, places, error;
    char uuid[96], name[96];
    unsigned long long total, reserved, used;
} Device;
typedef struct { char uuid[96], kind; unsigned pid; long long bytes; } Process;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory2;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } ProcessInfo;

static Device devices[64];
static Process processes[64];
static int device_count, process_count, init_error;

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    char line[512];
    FILE *file = fopen(getenv("NVML_ANSWERS"), "r");
    if (!file) return 999;
    device_count = process_count = 0;
    while (fgets(line, sizeof line, file)) {
        Device *d = &devices[device_count];
        Process *p = &processes[process_count];
        char kind[8];
        memset(d, 0, sizeof *d);
        if (sscanf(line, "init|%d", &init_error) == 1) continue;
        if (sscanf(line, "process|%95[^|]|%c|%u|%lld", p->uuid, &p->kind, &p->pid, &p->bytes) == 4) process_count++;
        else if (sscanf(line, "%7[^|]|%d|%95[^|]|%95[^|]|%llu|%llu|%llu|%d|%d|%d", kind, &d->index, d->uuid, d->name,
                        &d->total, &d->reserved, &d->used, &d->utilization, &d->places, &d->error) == 10) {
            d->is_part = !strcmp(kind, "part");
            device_count++;
        }
    }
    fclose(file);
    return init_error;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "Unknown Error"; }

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = 0;
    for (int i = 0; i < device_count; i++) *count += !devices[i].is_part;
    return SUCCESS;
}

static int find(int is_part, int index, int place, Device **found) {
    for (int i = 0; i < device_count; i++) {
        Device *d = &devices[i];
        if (d->is_part == is_part && d->index == index && (!is_part || d->places == place)) return *found = d, SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **found) { return find(0, index, 0, found); }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *d, unsigned place, Device **found) {
    return find(1, d->index, place, found);
}
int nvmlDeviceGetUUID(Device *d, char *text, unsigned size) { return snprintf(text, size, "%s", d->uuid), SUCCESS; }
int nvmlDeviceGetName(Device *d, char *text, unsigned size) { return snprintf(text, size, "%s", d->name), SUCCESS; }
int nvmlDeviceGetMaxMigDeviceCount(Device *d, unsigned *count) { return *count = d->places, SUCCESS; }

int nvmlDeviceGetMigMode(Device *d, unsigned *current, unsigned *pending) {
    if (strstr(d->name, "GeForce")) return NOT_SUPPORTED;
    return *current = *pending = d->places > 0, SUCCESS;
}

int nvmlDeviceGetMemoryInfo(Device *d, Memory *memory) {
    if (d->error) return d->error;
    memory->total = d->total;
    memory->used = d->used + d->reserved;
    memory->free = d->total - memory->used;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(Device *d, Memory2 *memory) {
    if (getenv("NVML_OLD_DRIVER")) return OLD_DRIVER;
    if (d->error) return d->error;
    if (memory->version != (sizeof(Memory2) | 2u << 24)) return INVALID_ARGUMENT;
    memory->total = d->total;
    memory->reserved = d->reserved;
    memory->used = d->used;
    memory->free = d->total - d->used - d->reserved;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(Device *d, Utilization *rates) {
    if (d->error) return d->error;
    if (d->utilization < 0) return NOT_SUPPORTED;
    rates->gpu = d->utilization;
    rates->memory = 0;
    return SUCCESS;
}

static int running(Device *d, char kind, unsigned *count, ProcessInfo *infos) {
    if (d->error) return d->error;
    unsigned room = *count;
    *count = 0;
    for (int i = 0; i < process_count; i++) {
        Process *p = &processes[i];
        if (p->kind != kind || strcmp(p->uuid, d->uuid)) continue;
        if (*count < room && infos) infos[*count] = (ProcessInfo){p->pid, (unsigned long long)p->bytes, ~0u, ~0u};
        ++*count;
    }
    return *count > room || (*count && !infos) ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device *d, unsigned *n, ProcessInfo *i) { return running(d, 'c', n, i); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *d, unsigned *n, ProcessInfo *i) { return running(d, 'g', n, i); }
