#pragma once
// SHA256_Init, SHA256_Update and SHA256_Final are marked as deprecated since 3.0, in favour of EVP. They stay in the library, and they
// are what a start that should not take a millisecond longer needs: EVP (and SHA256() itself) loads providers on first use, 0.8 ms and
// 3 MiB, and drags the whole library into a static link, where these three are 22 KiB.
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/crypto.h>
#include <openssl/sha.h>

// AES-256-GCM through EVP. Loaded on first use, which is when the first call is parked; until then nothing of it is touched.
#include <openssl/evp.h>
#include <stddef.h>

/// 1 when done. `tag` gets 16 bytes, `output` as many as `input` has; `nonce` has 12 and `key` 32.
static inline int cossl_gcm_seal(
    const unsigned char *key, const unsigned char *nonce, const void *aad, size_t aad_count, const void *input, size_t count,
    void *output, void *tag) {
    int written = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int ok = context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
             EVP_EncryptUpdate(context, NULL, &written, aad, (int)aad_count) == 1 &&
             EVP_EncryptUpdate(context, output, &written, input, (int)count) == 1 &&
             EVP_EncryptFinal_ex(context, (unsigned char *)output + written, &written) == 1 &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

/// 1 when `tag` is right; otherwise `output` holds nothing of use.
static inline int cossl_gcm_open(
    const unsigned char *key, const unsigned char *nonce, const void *aad, size_t aad_count, const void *input, size_t count,
    const void *tag, void *output) {
    int written = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int ok = context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
             EVP_DecryptUpdate(context, NULL, &written, aad, (int)aad_count) == 1 &&
             EVP_DecryptUpdate(context, output, &written, input, (int)count) == 1 &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, (void *)tag) == 1 &&
             EVP_DecryptFinal_ex(context, (unsigned char *)output + written, &written) == 1;
    EVP_CIPHER_CTX_free(context);
    return ok;
}
