public import Base

/// One member of an object, as ranges of the scanned bytes.
public struct JSONMember: Equatable, Sendable {
    /// Between the quotes.
    public let key: ByteRange
    public let keyHasEscapes: Bool
    public let value: ByteRange
    /// Of the key after unescaping: unequal fingerprints mean unequal keys.
    let fingerprint: UInt64

    /// From the key's opening quote to the end of the value.
    public var whole: ByteRange { ByteRange(self.key.lowerBound - 1, self.value.upperBound) }

    /// Whether the key after unescaping is `text`.
    @inline(__always)
    func hasKey(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        if self.keyHasEscapes { return JSONString.unescapedEquals(bytes, self.key, text) }
        return self.key.count == text.utf8CodeUnitCount && bytes.matches(text, at: self.key.lowerBound)
    }
}

/// The members of one object, in their order. A reused table: filling it again keeps its memory.
///
/// Keys that are equal after unescaping are refused while it is filled. Two readers that pick different ones of two equal keys
/// are a way past every check.
public struct JSONMembers: Sendable {
    public private(set) var members: [JSONMember] = []

    public init() {}

    public var count: Int { self.members.count }

    /// The value of the member whose key, after unescaping, is `key`.
    public func value(_ key: StaticString, in bytes: Span<UInt8>) -> ByteRange? {
        for member in self.members where member.hasKey(key, in: bytes) { return member.value }
        return nil
    }

    /// The value of the member whose key, after unescaping, is `key`, for keys that are known only at run time.
    public func value(_ key: Span<UInt8>, in bytes: Span<UInt8>) -> ByteRange? {
        let fingerprint = JSONKeyFingerprint.of(key)
        for member in self.members where member.fingerprint == fingerprint {
            if Self.unescaped(bytes, member.key, member.keyHasEscapes).span.equals(key) { return member.value }
        }
        return nil
    }

    /// Forgets the members and keeps the memory.
    mutating func removeAll() { self.members.removeAll(keepingCapacity: true) }

    /// The fingerprint of a key that may be added, or nil when an equal one is there.
    @inline(__always)
    func admit(_ key: ByteRange, hasEscapes: Bool, in bytes: Span<UInt8>) -> UInt64? {
        let fingerprint =
            hasEscapes
            ? JSONKeyFingerprint.of(JSONString.unescapedContents(bytes, key).span) : JSONKeyFingerprint.of(bytes, key)
        for member in self.members where member.fingerprint == fingerprint {
            if self.isEqual(member, key, hasEscapes, bytes) { return nil }
        }
        return fingerprint
    }

    @inline(__always)
    mutating func append(_ member: JSONMember) { self.members.append(member) }

    @inline(never)
    private func isEqual(_ member: JSONMember, _ key: ByteRange, _ hasEscapes: Bool, _ bytes: Span<UInt8>) -> Bool {
        if !member.keyHasEscapes, !hasEscapes {
            return bytes.extracting(member.key.range).equals(bytes.extracting(key.range))
        }
        return Self.unescaped(bytes, member.key, member.keyHasEscapes) == Self.unescaped(bytes, key, hasEscapes)
    }

    private static func unescaped(_ bytes: Span<UInt8>, _ key: ByteRange, _ hasEscapes: Bool) -> [UInt8] {
        hasEscapes ? JSONString.unescapedContents(bytes, key) : [UInt8](bytes, key)
    }
}

/// A 64-bit digest of a key. Not keyed: whoever wants to can make collisions, and then pays for comparisons that
/// `JSONLimits.membersMax` and `recordedKeyBytesMax` bound.
enum JSONKeyFingerprint {
    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func of(_ key: Span<UInt8>) -> UInt64 { self.of(key, ByteRange(0, key.count)) }

    @inline(__always)
    static func of(_ bytes: Span<UInt8>, _ key: ByteRange) -> UInt64 {
        var digest = UInt64(truncatingIfNeeded: key.count) &* self.multiplier
        var offset = key.lowerBound
        let end = key.upperBound
        while end &- offset >= ByteWord.size {
            digest = self.mix(digest, ByteWord.load(bytes, at: offset))
            offset &+= ByteWord.size
        }
        guard offset < end else { return digest }
        return self.mix(digest, self.tail(bytes, from: offset, count: end &- offset))
    }

    /// The last `count` < 8 bytes as a word, zeros above.
    @inline(__always)
    private static func tail(_ bytes: Span<UInt8>, from offset: Int, count: Int) -> UInt64 {
        if bytes.count &- offset >= ByteWord.size {
            return ByteWord.load(bytes, at: offset) & ((1 &<< (UInt64(truncatingIfNeeded: count) &* 8)) &- 1)
        }
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(bytes[offset + index]) &<< (UInt64(truncatingIfNeeded: index) &* 8) }
        return word
    }

    @inline(__always)
    private static func mix(_ digest: UInt64, _ word: UInt64) -> UInt64 {
        let product = (digest ^ word).multipliedFullWidth(by: self.multiplier)
        return product.high ^ product.low
    }
}
