import Base
import SupervisorCore

/// Stands in for SHA-256 and AES-GCM where nobody attacks: a sum in the place of the digest and of the tag.
enum ToySealing {
    static let sealing = Sealing(
        digests: DigestFunctions(
            sha256: { bytes in
                var digest = InlineArray<32, UInt8>(repeating: 0)
                for word in 0..<4 {
                    let sum = Self.sum(bytes, UInt64(word) + 1)
                    for index in 0..<8 { digest[word * 8 + index] = UInt8(truncatingIfNeeded: sum >> UInt64(index * 8)) }
                }
                return SHA256Digest(bytes: digest)
            },
            areEqual: { $0.equals($1) }),
        seal: SealFunctions(
            seal: { plaintext, associated in
                var sealed = [UInt8](plaintext)
                let tag = Self.sum(plaintext, UInt64(associated.count))
                for index in 0..<8 { sealed.append(UInt8(truncatingIfNeeded: tag >> UInt64(index * 8))) }
                return sealed
            },
            open: { sealed, associated in
                guard sealed.count >= 8 else { return nil }
                let plaintext = sealed.extracting(0..<(sealed.count - 8))
                let tag = Self.sum(plaintext, UInt64(associated.count))
                for index in 0..<8 where sealed[sealed.count - 8 + index] != UInt8(truncatingIfNeeded: tag >> UInt64(index * 8)) {
                    return nil
                }
                return [UInt8](plaintext)
            }))

    private static func sum(_ bytes: Span<UInt8>, _ key: UInt64) -> UInt64 {
        var sum = key &* 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { sum = (sum ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return sum
    }
}
