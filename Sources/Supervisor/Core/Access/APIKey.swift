import Base

/// One key as it is kept: everything but its secret, of which only the SHA-256 is known.
///
/// The caller's token is `msk_<id>_<secret>`. The id finds the key, the secret proves it.
public struct APIKey: Sendable {
    /// 1 to 64 of `A-Z a-z 0-9 -`.
    public let id: String
    public let digest: SHA256Digest
    public let group: String
    /// Seconds since 1970.
    public let created: Int64
    public let expires: Int64?
    public var revoked: Int64?

    public init(id: String, digest: SHA256Digest, group: String, created: Int64, expires: Int64? = nil, revoked: Int64? = nil) {
        self.id = id
        self.digest = digest
        self.group = group
        self.created = created
        self.expires = expires
        self.revoked = revoked
    }

    public func isValid(at unixSeconds: Int64) -> Bool {
        if let revoked = self.revoked, revoked <= unixSeconds { return false }
        if let expires = self.expires, expires <= unixSeconds { return false }
        return true
    }

    /// Makes a key. `idBytes` (5) and `secretBytes` (20: 160 bits) must come from a cryptographic source. The token is the only
    /// place where the secret exists; it is shown once.
    public static func make(
        idBytes: [UInt8], secretBytes: [UInt8], group: String, created: Int64, expires: Int64?, functions: DigestFunctions
    ) -> (key: APIKey, token: String) {
        precondition(idBytes.count >= 5 && secretBytes.count >= 16, "a key from too little randomness")
        let id = Self.base32(idBytes)
        let secret = Self.base32(secretBytes)
        let digest = functions.sha256([UInt8](secret.utf8).span)
        return (APIKey(id: id, digest: digest, group: group, created: created, expires: expires), "msk_\(id)_\(secret)")
    }

    static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { Self.isIDByte($0) }
    }

    static func isIDByte(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (0x61...0x7A).contains(ASCII.lowercased(byte)) || byte == 0x2D
    }

    /// Lower-case letters and digits that are not mistaken for each other (no i, l, o, u). Five bits each; a rest below five is dropped.
    private static func base32(_ bytes: [UInt8]) -> String {
        let alphabet = [UInt8]("0123456789abcdefghjkmnpqrstvwxyz".utf8)
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = (bits << 8 | UInt32(byte)) & 0xFFFF
            count += 8
            while count >= 5 {
                count -= 5
                text.append(alphabet[Int(bits >> UInt32(count)) & 31])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// The two parts of `msk_<id>_<secret>`.
struct APIKeyToken: Equatable {
    let id: ByteRange
    let secret: ByteRange

    init?(_ bytes: Span<UInt8>, _ token: ByteRange) {
        let prefix: StaticString = "msk_"
        let start = token.lowerBound + prefix.utf8CodeUnitCount
        guard start < token.upperBound, bytes.extracting(token.lowerBound..<start).equals(prefix) else { return nil }
        var end = start
        while end < token.upperBound, APIKey.isIDByte(bytes[end]) { end += 1 }
        guard end > start, end - start <= 64, end < token.upperBound, bytes[end] == 0x5F, end + 1 < token.upperBound else {
            return nil
        }
        self.id = ByteRange(start, end)
        self.secret = ByteRange(end + 1, token.upperBound)
    }
}
