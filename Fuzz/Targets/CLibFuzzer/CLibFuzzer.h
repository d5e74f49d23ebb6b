#ifndef CLIBFUZZER_H
#define CLIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

typedef int (*FuzzOneInput)(const uint8_t * _Nullable data, size_t size);

// Of libFuzzer, which `-sanitize=fuzzer` links. SwiftPM names the entry point of an executable itself, so libFuzzer's own `main` cannot
// be used; this is the entry that it offers for such cases.
int LLVMFuzzerRunDriver(int * _Nonnull argc, char * _Nullable * _Nullable * _Nonnull argv, FuzzOneInput _Nonnull callback);

#endif
