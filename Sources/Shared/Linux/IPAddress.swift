import Glibc

/// An IPv4 or IPv6 address and a port, as a small value that is compared, hashed and copied without allocation.
@frozen
public struct IPEndpoint: Hashable, Sendable, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    public var description: String {
        switch self.address {
        case .v4: "\(self.address):\(self.port)"
        case .v6: "[\(self.address)]:\(self.port)"
        }
    }
}

@frozen
public enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Host byte order: 127.0.0.1 is 0x7F00_0001.
    case v4(UInt32)
    /// The upper and lower half in host byte order, and the interface index of a link-local address (else 0).
    case v6(UInt64, UInt64, scope: UInt32)

    public static var loopback4: Self { .v4(0x7F00_0001) }
    public static var loopback6: Self { .v6(0, 1, scope: 0) }
    public static var any4: Self { .v4(0) }
    public static var any6: Self { .v6(0, 0, scope: 0) }

    /// 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped into IPv6.
    public var isLoopback: Bool {
        switch self {
        case .v4(let address): address >> 24 == 127
        case .v6(0, 1, _): true
        case .v6(0, let low, _): low >> 32 == 0xFFFF && (low >> 24) & 0xFF == 127
        case .v6: false
        }
    }

    /// Every interface of the machine.
    public var isUnspecified: Bool {
        switch self {
        case .v4(let address): address == 0
        case .v6(let high, let low, _): high == 0 && low == 0
        }
    }

    /// An IPv4 address that came as ::ffff:a.b.c.d becomes the IPv4 address, so that one client has one address.
    public var unmapped: Self {
        if case .v6(0, let low, _) = self, low >> 32 == 0xFFFF { return .v4(UInt32(truncatingIfNeeded: low)) }
        return self
    }

    /// The text form that `inet_pton` accepts, without brackets, scope or port.
    public init?(_ text: Span<UInt8>) {
        guard text.count >= 2, text.count < 46 else { return nil }
        var terminated: InlineArray<46, UInt8> = .init(repeating: 0)
        for index in text.indices {
            guard text[index] != 0 else { return nil }
            terminated[index] = text[index]
        }
        var bytes: InlineArray<16, UInt8> = .init(repeating: 0)
        let family = unsafe terminated.span.withUnsafeBytes { source -> Int32? in
            guard let source = unsafe source.baseAddress?.assumingMemoryBound(to: CChar.self) else { return nil }
            var output = bytes.mutableSpan
            return unsafe output.withUnsafeMutableBytes { output -> Int32? in
                if unsafe inet_pton(AF_INET, source, output.baseAddress) == 1 { return AF_INET }
                return unsafe inet_pton(AF_INET6, source, output.baseAddress) == 1 ? AF_INET6 : nil
            }
        }
        guard let family else { return nil }
        self.init(family: family, bytes: bytes.span, scope: 0)
    }

    /// `bytes` in network order.
    init(family: Int32, bytes: Span<UInt8>, scope: UInt32) {
        if family == AF_INET {
            self = .v4(UInt32(truncatingIfNeeded: Self.number(bytes, 0..<4)))
        } else {
            self = .v6(Self.number(bytes, 0..<8), Self.number(bytes, 8..<16), scope: scope)
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var number: UInt64 = 0
        for index in range { number = number << 8 | UInt64(bytes[index]) }
        return number
    }

    /// The text form of RFC 5952 (IPv6) or dotted decimal, with `%scope` where there is one.
    public func append(to output: inout [UInt8]) {
        output.append(contentsOf: self.description.utf8)
    }

    public var description: String {
        var bytes: InlineArray<16, UInt8> = .init(repeating: 0)
        switch self {
        case .v4(let address):
            for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: address >> UInt32(24 - 8 * index)) }
            return Self.text(AF_INET, bytes)
        case .v6(let high, let low, let scope):
            for index in 0..<8 {
                bytes[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                bytes[8 + index] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
            return scope == 0 ? Self.text(AF_INET6, bytes) : "\(Self.text(AF_INET6, bytes))%\(scope)"
        }
    }

    private static func text(_ family: Int32, _ bytes: InlineArray<16, UInt8>) -> String {
        unsafe bytes.span.withUnsafeBytes { source in
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 46) { output in
                guard let start = unsafe inet_ntop(family, source.baseAddress, output.baseAddress, 46) else {
                    preconditionFailure("inet_ntop")
                }
                return unsafe String(cString: start)
            }
        }
    }
}

/// The other end of a connection, or our own.
@frozen
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(IPEndpoint)
    /// A Unix socket; clients of one have no name. Ask `FileDescriptor.peerCredentials`.
    case unix
    case other

    public var description: String {
        switch self {
        case .ip(let endpoint): endpoint.description
        case .unix: "unix"
        case .other: "other"
        }
    }
}
