import Base

@testable import SupervisorCore

/// A stand-in for AES-GCM that is no cryptography: a counter for the nonce, a keyed stream, and a tag over all of it.
enum ToySeal {
    static func functions(key: UInt64 = 1) -> SealFunctions {
        SealFunctions(
            seal: { plaintext, associated in
                var sealed: [UInt8] = []
                sealed.append(bigEndian: UInt64(plaintext.count) &* key, bytes: 8)
                let nonce = Self.sum(sealed.span, key)
                sealed.append(contentsOf: Self.stream([UInt8](plaintext), nonce ^ key))
                sealed.append(bigEndian: Self.tag(sealed, associated, key), bytes: 8)
                return sealed
            },
            open: { sealed, associated in
                guard sealed.count >= 16 else { return nil }
                let body = [UInt8](sealed.extracting(0..<(sealed.count - 8)))
                var tag: [UInt8] = []
                tag.append(bigEndian: Self.tag(body, associated, key), bytes: 8)
                guard tag.span.equals(sealed.extracting((sealed.count - 8)..<sealed.count)) else { return nil }
                let nonce = Self.sum([UInt8](body.prefix(8)).span, key)
                return Self.stream([UInt8](body.dropFirst(8)), nonce ^ key)
            })
    }

    private static func tag(_ body: [UInt8], _ associated: Span<UInt8>, _ key: UInt64) -> UInt64 {
        self.sum((body + [UInt8](associated)).span, key ^ 0x5A)
    }

    private static func sum(_ bytes: Span<UInt8>, _ key: UInt64) -> UInt64 {
        var sum = key &* 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { sum = (sum ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return sum
    }

    private static func stream(_ bytes: [UInt8], _ seed: UInt64) -> [UInt8] {
        var generator = PRNG(seed: seed)
        return bytes.map { $0 ^ UInt8(truncatingIfNeeded: generator.next()) }
    }
}

extension Sealing {
    static let toy = Sealing(
        digests: DigestFunctions(sha256: { FakeDigests.digest($0) }, areEqual: { $0.equals($1) }), seal: ToySeal.functions())
}
