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

    /// Whether the key after unescaping is `text`. Most keys differ in their length, which the caller need not call anybody for.
    @inlinable @inline(__always)
    public func hasKey(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        (self.keyHasEscapes || self.key.count == text.utf8CodeUnitCount) && self.hasKeyBytes(text, in: bytes)
    }

    @usableFromInline
    func hasKeyBytes(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        JSONString.equals(bytes, contents: self.key, hasEscapes: self.keyHasEscapes, text)
    }

    /// Whether the key after unescaping is `text`.
    public func hasKey(_ text: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        if !self.keyHasEscapes { return bytes.extracting(self.key.range).equals(text) }
        return JSONString.unescapedContents(bytes, self.key).span.equals(text)
    }
}

/// The members of one object, in their order. A reused table: filling it again keeps its memory.
///
/// Keys that are equal after unescaping are refused while it is filled. Two readers that pick different ones of two equal keys
/// are a way past every check.
public struct JSONMembers: Sendable {
    public private(set) var members: [JSONMember] = []
    /// Finds equal keys when there are many; empty before that.
    private var index = JSONMemberIndex()

    public init() {}

    public var count: Int { self.members.count }

    /// The value of the member whose key, after unescaping, is `key`.
    public func value(_ key: StaticString, in bytes: Span<UInt8>) -> ByteRange? {
        let table = self.members.span
        for place in table.indices where table[place].hasKey(key, in: bytes) { return table[place].value }
        return nil
    }

    /// The value of the member whose key, after unescaping, is `key`, for keys that are known only at run time.
    public func value(_ key: Span<UInt8>, in bytes: Span<UInt8>) -> ByteRange? {
        let fingerprint = JSONKeyFingerprint.of(key)
        let table = self.members.span
        for place in table.indices where table[place].fingerprint == fingerprint && table[place].hasKey(key, in: bytes) {
            return table[place].value
        }
        return nil
    }

    /// Forgets the members and keeps the memory.
    mutating func removeAll() {
        if !self.members.isEmpty { self.members.removeAll(keepingCapacity: true) }
        self.index.removeAll()
    }

    /// Adds a member, or tells why not: its key is there, or the keys are made to be hard to tell apart.
    @inline(__always)
    mutating func add(
        _ key: ByteRange, hasEscapes: Bool, value: ByteRange, in bytes: Span<UInt8>
    ) -> JSONError.Reason? {
        let fingerprint =
            hasEscapes
            ? JSONKeyFingerprint.of(JSONString.unescapedContents(bytes, key).span) : JSONKeyFingerprint.of(bytes, key)
        let member = JSONMember(key: key, keyHasEscapes: hasEscapes, value: value, fingerprint: fingerprint)
        if self.members.count >= JSONMemberIndex.threshold {
            if let reason = self.index.add(member, to: self.members, in: bytes) { return reason }
        } else {
            let table = self.members.span
            for place in table.indices where table[place].fingerprint == fingerprint {
                if member.hasEqualKey(table[place], in: bytes) { return .duplicateKey }
            }
        }
        self.members.append(member)
        return nil
    }
}

extension JSONMember {
    @inline(never)
    fileprivate func hasEqualKey(_ other: JSONMember, in bytes: Span<UInt8>) -> Bool {
        if other.keyHasEscapes {
            return self.hasKey(JSONString.unescapedContents(bytes, other.key).span, in: bytes)
        }
        return self.hasKey(bytes.extracting(other.key.range), in: bytes)
    }
}

/// Places of members by fingerprint: open addressing, at most half full.
private struct JSONMemberIndex: Sendable {
    /// Members up to which comparing with each is cheaper.
    static let threshold = 32
    /// Slots looked at for one key. Fingerprints that nobody chose never come near it in a table that is half empty.
    private static let probesMax = 256
    /// Slots that are kept for the next object.
    private static let slotsRetainedMax = 4_096

    /// A place + 1, or 0.
    private var slots: [UInt32] = []
    /// Members in `slots`.
    private var indexed = 0

    @inline(__always)
    mutating func removeAll() {
        if self.indexed > 0 { self.clear() }
    }

    @inline(never)
    private mutating func clear() {
        self.indexed = 0
        if self.slots.count > Self.slotsRetainedMax {
            self.slots = []
        } else {
            for slot in self.slots.indices { self.slots[slot] = 0 }
        }
    }

    /// Adds `member`, which will be the next one of `members`.
    @inline(never)
    mutating func add(_ member: JSONMember, to members: [JSONMember], in bytes: Span<UInt8>) -> JSONError.Reason? {
        if (members.count + 1) * 2 > self.slots.count { self.grow(for: members) }
        while self.indexed < members.count {
            guard let slot = self.freeSlot(members[self.indexed].fingerprint) else { return .tooManyMembers }
            self.slots[slot] = UInt32(self.indexed + 1)
            self.indexed += 1
        }
        var slot = self.home(member.fingerprint)
        for _ in 0..<Self.probesMax {
            let place = Int(self.slots[slot])
            if place == 0 {
                self.slots[slot] = UInt32(members.count + 1)
                self.indexed += 1
                return nil
            }
            if members[place - 1].fingerprint == member.fingerprint, member.hasEqualKey(members[place - 1], in: bytes) {
                return .duplicateKey
            }
            slot = (slot + 1) & (self.slots.count - 1)
        }
        return .tooManyMembers
    }

    private mutating func grow(for members: [JSONMember]) {
        var count = 128
        while count < (members.count + 1) * 4 { count *= 2 }
        self.slots = [UInt32](repeating: 0, count: count)
        self.indexed = 0
    }

    private func home(_ fingerprint: UInt64) -> Int { Int(truncatingIfNeeded: fingerprint) & (self.slots.count - 1) }

    private func freeSlot(_ fingerprint: UInt64) -> Int? {
        var slot = self.home(fingerprint)
        for _ in 0..<Self.probesMax {
            if self.slots[slot] == 0 { return slot }
            slot = (slot + 1) & (self.slots.count - 1)
        }
        return nil
    }
}

/// A 64-bit digest of a key. Not keyed: whoever wants to can make collisions, and then pays for comparisons that
/// `JSONLimits.recordedKeyBytesMax` and the index's probes bound.
enum JSONKeyFingerprint {
    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func of(_ key: Span<UInt8>) -> UInt64 { self.of(key, ByteRange(0, key.count)) }

    @inline(__always)
    static func of(_ bytes: Span<UInt8>, _ key: ByteRange) -> UInt64 {
        let digest = UInt64(truncatingIfNeeded: key.count) &* self.multiplier
        if key.count <= ByteWord.size { return self.mix(digest, ByteWord.load(bytes, key)) }
        return self.ofLong(bytes, key, digest)
    }

    @inline(never)
    private static func ofLong(_ bytes: Span<UInt8>, _ key: ByteRange, _ start: UInt64) -> UInt64 {
        var digest = start
        var offset = key.lowerBound
        while key.upperBound &- offset > ByteWord.size {
            digest = self.mix(digest, ByteWord.load(bytes, at: offset))
            offset &+= ByteWord.size
        }
        // The last eight bytes, some of them for the second time.
        return self.mix(digest, ByteWord.load(bytes, at: key.upperBound &- ByteWord.size))
    }

    @inline(__always)
    private static func mix(_ digest: UInt64, _ word: UInt64) -> UInt64 {
        let product = (digest ^ word).multipliedFullWidth(by: self.multiplier)
        return product.high ^ product.low
    }
}
