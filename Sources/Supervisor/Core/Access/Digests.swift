import Base

/// The 32 bytes of a SHA-256. Deliberately without `==`: digests of credentials are compared by `DigestFunctions.areEqual` only.
public struct SHA256Digest: Sendable {
    public var bytes: InlineArray<32, UInt8>

    public init(bytes: InlineArray<32, UInt8>) { self.bytes = bytes }

    /// Reads 64 hexadecimal digits.
    public init?(hex: String) {
        let digits = [UInt8](hex.utf8)
        guard digits.count == 64 else { return nil }
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        for index in 0..<32 {
            guard let high = ASCII.hexValue(digits[2 * index]), let low = ASCII.hexValue(digits[2 * index + 1]) else {
                return nil
            }
            bytes[index] = high << 4 | low
        }
        self.bytes = bytes
    }

    public var hex: String {
        var text: [UInt8] = []
        for index in 0..<32 {
            text.append(ASCII.hexDigit(self.bytes[index] >> 4))
            text.append(ASCII.hexDigit(self.bytes[index] & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The first eight bytes: the place of a digest in a table. Choosing a token by it means finding a preimage.
    var prefix: UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 { word = word << 8 | UInt64(self.bytes[index]) }
        return word
    }
}

/// What a cryptographic library does for this layer, which is pure and has no cryptography of its own.
public struct DigestFunctions: Sendable {
    public let sha256: @Sendable (Span<UInt8>) -> SHA256Digest
    /// Whether two spans of equal length hold the same bytes, in a time that does not depend on them.
    public let areEqual: @Sendable (Span<UInt8>, Span<UInt8>) -> Bool

    public init(
        sha256: @escaping @Sendable (Span<UInt8>) -> SHA256Digest,
        areEqual: @escaping @Sendable (Span<UInt8>, Span<UInt8>) -> Bool
    ) {
        self.sha256 = sha256
        self.areEqual = areEqual
    }

    func areEqual(_ left: SHA256Digest, _ right: SHA256Digest) -> Bool { self.areEqual(left.bytes.span, right.bytes.span) }
}
