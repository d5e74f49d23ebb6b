public import Base

/// An IPv4 or IPv6 address and a port, as a small value that is compared, hashed and copied without allocation.
@frozen
public struct IPEndpoint: Hashable, Sendable, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16
    /// The interface index of a link-local IPv6 address, else 0.
    public var scope: UInt32

    public init(_ address: IPAddress, port: UInt16, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    public var description: String {
        if self.address.isV4 { return "\(self.address):\(self.port)" }
        return self.scope == 0 ? "[\(self.address)]:\(self.port)" : "[\(self.address)%\(self.scope)]:\(self.port)"
    }
}

/// The other end of a connection, or our own.
@frozen
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 client of a socket that takes both families comes as ::ffff:a.b.c.d, which is the IPv4 address: one client has one
    /// address.
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
