#pragma once
// SHA256_Init, SHA256_Update and SHA256_Final are marked as deprecated since 3.0, in favour of EVP. They stay in the library, and they
// are what a start that should not take a millisecond longer needs: EVP (and SHA256() itself) loads providers on first use, 0.8 ms and
// 3 MiB, and drags the whole library into a static link, where these three are 22 KiB.
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/crypto.h>
#include <openssl/sha.h>
