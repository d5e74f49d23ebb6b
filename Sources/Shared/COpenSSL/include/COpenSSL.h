#pragma once
// SHA256_Init, SHA256_Update and SHA256_Final are marked as deprecated since 3.0, in favour of EVP. They stay in the library, and they
// are what a start that should not take a millisecond longer needs: EVP (and SHA256() itself) loads providers on first use, 0.8 ms and
// 3 MiB, and drags the whole library into a static link, where these three are 22 KiB.
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/crypto.h>
#include <openssl/sha.h>

// AES-256-GCM of the same kind: the block cipher and the mode, without EVP. Through EVP it is 3.8 MB of code in a static link, and a
// tenth more memory before anything has been sealed; like this it is 10 KiB. The cipher on x86-64 is OpenSSL's
// compact assembly, not AES-NI: fast enough for a few hundred bytes while a person thinks. See ADR 56.
#include <openssl/aes.h>
#include <openssl/modes.h>
#include <stddef.h>

static inline void cossl_aes_block(const unsigned char input[16], unsigned char output[16], const void *key) {
    AES_encrypt(input, output, (const AES_KEY *)key);
}

static inline GCM128_CONTEXT *cossl_gcm_begin(
    AES_KEY *schedule, const unsigned char *key, const unsigned char *nonce, const void *aad, size_t aad_count) {
    if (AES_set_encrypt_key(key, 256, schedule) != 0) return NULL;
    GCM128_CONTEXT *context = CRYPTO_gcm128_new(schedule, cossl_aes_block);
    if (context == NULL) return NULL;
    CRYPTO_gcm128_setiv(context, nonce, 12);
    if (CRYPTO_gcm128_aad(context, (const unsigned char *)aad, aad_count) == 0) return context;
    CRYPTO_gcm128_release(context);
    return NULL;
}

/// 1 when done. `tag` gets 16 bytes, `output` as many as `input` has; `nonce` has 12 and `key` 32.
static inline int cossl_gcm_seal(
    const unsigned char *key, const unsigned char *nonce, const void *aad, size_t aad_count, const void *input, size_t count,
    void *output, void *tag) {
    AES_KEY schedule;
    GCM128_CONTEXT *context = cossl_gcm_begin(&schedule, key, nonce, aad, aad_count);
    int ok = context != NULL &&
             CRYPTO_gcm128_encrypt(context, (const unsigned char *)input, (unsigned char *)output, count) == 0;
    if (ok) CRYPTO_gcm128_tag(context, (unsigned char *)tag, 16);
    if (context != NULL) CRYPTO_gcm128_release(context);
    OPENSSL_cleanse(&schedule, sizeof schedule);
    return ok;
}

/// 1 when `tag` is right (compared in constant time); otherwise `output` holds nothing of use.
static inline int cossl_gcm_open(
    const unsigned char *key, const unsigned char *nonce, const void *aad, size_t aad_count, const void *input, size_t count,
    const void *tag, void *output) {
    AES_KEY schedule;
    GCM128_CONTEXT *context = cossl_gcm_begin(&schedule, key, nonce, aad, aad_count);
    int ok = context != NULL &&
             CRYPTO_gcm128_decrypt(context, (const unsigned char *)input, (unsigned char *)output, count) == 0 &&
             CRYPTO_gcm128_finish(context, (const unsigned char *)tag, 16) == 0;
    if (context != NULL) CRYPTO_gcm128_release(context);
    OPENSSL_cleanse(&schedule, sizeof schedule);
    return ok;
}
