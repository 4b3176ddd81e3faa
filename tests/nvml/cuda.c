/* A libcuda.so.1 that knows only whether it was initialised. Numbers of results as in cuda.h of CUDA 12. */
enum { SUCCESS = 0, NOT_INITIALIZED = 3 };
static int initialised;
int cuInit(unsigned flags) { return initialised = 1, (int)flags; }
int cuDeviceGetCount(int *count) { return *count = 1, initialised ? SUCCESS : NOT_INITIALIZED; }
