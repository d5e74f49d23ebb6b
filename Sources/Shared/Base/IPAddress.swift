/// An IPv4 or IPv6 address without a port. IPv4 is kept as the IPv4-mapped IPv6 address, so both families are one value and
/// `::ffff:127.0.0.1` is the same peer as `127.0.0.1`.
///
/// Pure text and bits: what the kernel knows besides, the port and the scope of a link-local address, is `IPEndpoint`'s.
public struct IPAddress: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    /// Network byte order read as two big-endian words.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public init(v4 address: UInt32) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address))
    }

    public static let loopbackV4 = IPAddress(v4: 0x7F00_0001)
    public static let loopbackV6 = IPAddress(high: 0, low: 1)
    public static let unspecifiedV4 = IPAddress(v4: 0)
    public static let unspecifiedV6 = IPAddress(high: 0, low: 0)

    public var isV4: Bool { self.high == 0 && self.low >> 32 == 0xFFFF }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { self.isV4 ? (self.low >> 24) & 0xFF == 127 : self == Self.loopbackV6 }

    /// 0.0.0.0 or ::, which as a listener means every address of the machine.
    public var isUnspecified: Bool { self.high == 0 && (self.low == 0 || self.low == 0xFFFF_0000_0000) }

    /// What one customer of a network usually holds: a whole IPv4 address, or the /64 of an IPv6 one. Penalties and per-source
    /// limits are kept per network, since anybody with IPv6 has 2^64 addresses.
    public var network: IPAddress { self.isV4 ? self : IPAddress(high: self.high, low: 0) }
}

extension IPAddress {
    /// Reads a literal: dotted IPv4 with four decimal parts and no leading zeros, or IPv6 (RFC 4291 2.2) without brackets and zone.
    public init?(_ text: String) {
        let bytes = [UInt8](text.utf8)
        guard bytes.count <= 45 else { return nil }
        if bytes.contains(0x3A) {
            guard let groups = Self.groups(bytes) else { return nil }
            self.init(groups: groups)
        } else {
            guard let address = Self.dotted(bytes[...]) else { return nil }
            self.init(v4: address)
        }
    }

    /// Reads an IPv6 literal without brackets and zone from bytes.
    public init?(v6 bytes: Span<UInt8>) {
        guard (2...45).contains(bytes.count) else { return nil }
        let text = [UInt8](bytes)
        guard text.contains(0x3A), let groups = Self.groups(text) else { return nil }
        self.init(groups: groups)
    }

    private init(groups: [UInt16]) {
        self.init(
            high: groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) })
    }

    private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30 else { return nil }
            var value: UInt32 = 0
            for byte in part {
                guard byte >= 0x30 && byte <= 0x39 else { return nil }
                value = value * 10 + UInt32(byte - 0x30)
            }
            guard value <= 255 else { return nil }
            address = address << 8 | value
        }
        return address
    }

    /// The eight groups of an IPv6 literal.
    private static func groups(_ bytes: [UInt8]) -> [UInt16]? {
        guard let gap = Self.gap(in: bytes) else { return Self.run(bytes[...]).flatMap { $0.count == 8 ? $0 : nil } }
        guard let head = Self.run(bytes[..<gap], mayEndDotted: false), let tail = Self.run(bytes[(gap + 2)...]),
            head.count + tail.count <= 7
        else {
            return nil
        }
        return head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// The first `::`. A second one is refused where the rest is read: it leaves an empty group.
    private static func gap(in bytes: [UInt8]) -> Int? {
        bytes.indices.dropLast().first { bytes[$0] == 0x3A && bytes[$0 + 1] == 0x3A }
    }

    private static func run(_ bytes: ArraySlice<UInt8>, mayEndDotted: Bool = true) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = bytes.split(separator: 0x3A, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndDotted, index == parts.count - 1, part.contains(0x2E) {
                guard let address = Self.dotted(part) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: address >> 16))
                groups.append(UInt16(truncatingIfNeeded: address))
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var value: UInt16 = 0
            for byte in part {
                guard let digit = ASCII.hexValue(byte) else { return nil }
                value = value << 4 | UInt16(digit)
            }
            groups.append(value)
        }
        return groups.count <= 8 ? groups : nil
    }
}

extension IPAddress: CustomStringConvertible {
    /// RFC 5952: lower case, the longest run of zero groups shortened.
    public var description: String {
        if self.isV4 {
            return [24, 16, 8, 0].map { String((self.low >> UInt64($0)) & 0xFF) }.joined(separator: ".")
        }
        let groups = [self.high, self.low].flatMap { word in
            [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: word >> UInt64($0)) }
        }
        var best = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > Swift.max(1, best.count) { best = start..<index }
            start = index + 1
        }
        let texts = groups.map { String($0, radix: 16) }
        guard !best.isEmpty else { return texts.joined(separator: ":") }
        return texts[..<best.lowerBound].joined(separator: ":") + "::" + texts[best.upperBound...].joined(separator: ":")
    }
}
