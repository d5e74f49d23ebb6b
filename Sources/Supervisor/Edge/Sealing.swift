import COpenSSL
import Linux
import SupervisorCore

/// The seal of the states that clients bring back: AES-256-GCM by OpenSSL, with a key that this process drew (ADR 56). A state does not
/// outlive the process, and neither does the call that it names.
enum StateSeal {
    private static let keyBytes = 32
    private static let nonceBytes = 12
    private static let tagBytes = 16

    /// `nonce ‖ ciphertext ‖ tag`. Nonces are random: at 2^32 seals with one key a repetition is still improbable (NIST SP 800-38D 8.3).
    static func functions() throws(SystemError) -> SealFunctions {
        let key = try Entropy.bytes(count: Self.keyBytes)
        return SealFunctions(
            seal: { plaintext, associated in Self.seal(plaintext, associated, key) },
            open: { sealed, associated in Self.open(sealed, associated, key) })
    }

    private static func seal(_ plaintext: Span<UInt8>, _ associated: Span<UInt8>, _ key: [UInt8]) -> [UInt8]? {
        guard let nonce = try? Entropy.bytes(count: Self.nonceBytes) else { return nil }
        var sealed = nonce
        sealed.append(contentsOf: [UInt8](repeating: 0, count: plaintext.count + Self.tagBytes))
        let isDone = unsafe plaintext.withUnsafeBytes { plaintext in
            unsafe associated.withUnsafeBytes { associated in
                unsafe sealed.withUnsafeMutableBytes { output in
                    guard let base = output.baseAddress else { return false }
                    return unsafe cossl_gcm_seal(
                        key, nonce, associated.baseAddress, associated.count, plaintext.baseAddress, plaintext.count,
                        base + Self.nonceBytes, base + Self.nonceBytes + plaintext.count) == 1
                }
            }
        }
        return isDone ? sealed : nil
    }

    static func open(_ sealed: Span<UInt8>, _ associated: Span<UInt8>, _ key: [UInt8]) -> [UInt8]? {
        let count = sealed.count - Self.nonceBytes - Self.tagBytes
        guard count >= 0 else { return nil }
        var plaintext = [UInt8](repeating: 0, count: count)
        let isDone = unsafe sealed.withUnsafeBytes { sealed in
            unsafe associated.withUnsafeBytes { associated in
                unsafe plaintext.withUnsafeMutableBytes { output in
                    guard let base = sealed.baseAddress else { return false }
                    return unsafe cossl_gcm_open(
                        key, base, associated.baseAddress, associated.count, base + Self.nonceBytes, count,
                        base + Self.nonceBytes + count, output.baseAddress) == 1
                }
            }
        }
        return isDone ? plaintext : nil
    }
}
