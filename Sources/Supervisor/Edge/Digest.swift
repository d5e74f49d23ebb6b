import COpenSSL
import SupervisorCore

/// The digests of API keys, by OpenSSL.
enum Digest {
    static let functions = DigestFunctions(sha256: Self.sha256, areEqual: Self.areEqual)

    @Sendable private static func sha256(_ bytes: Span<UInt8>) -> SHA256Digest {
        var digest = InlineArray<32, UInt8>(repeating: 0)
        var output = digest.mutableSpan
        unsafe bytes.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                var context = SHA256_CTX()
                unsafe SHA256_Init(&context)
                unsafe SHA256_Update(&context, input.baseAddress, input.count)
                unsafe SHA256_Final(output.baseAddress, &context)
            }
        }
        return SHA256Digest(bytes: digest)
    }

    /// In a time that depends on the length only.
    @Sendable private static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0 }
        }
    }
}
