public import Base

/// Where the supervisor accepts connections.
public enum ListenAddress: Hashable, Sendable {
    /// Port 0 lets the kernel choose.
    case tcp(IPAddress, port: UInt16)
    /// An absolute path. At most 107 bytes, the room in `sockaddr_un`.
    case unix(path: String)
    /// A socket that the service manager opened, found by its `FileDescriptorName=`.
    case inherited(name: String)

    public static let portDefault: UInt16 = 8000

    /// Whether only processes of this machine can reach it. What an inherited socket is bound to is known only when it is taken
    /// over, so the caller asks `AuthenticationSettings.isRequired(onAddress:)` again then.
    public var isLocal: Bool {
        switch self {
        case .tcp(let address, _): address.isLoopback
        case .unix, .inherited: true
        }
    }

    public enum Malformed: Error, Equatable {
        case portMissing, port, address, name, path
        /// A host name: it could resolve to anything by the time we bind.
        case hostName

        public var reason: String {
            switch self {
            case .portMissing: "the port is missing; write for example 127.0.0.1:8000 or [::1]:8000"
            case .port: "the port must be a number from 0 to 65535"
            case .address: "not an IP address"
            case .hostName: "host names are not resolved here; write an IP address (or localhost)"
            case .name: "the name of an inherited socket has 1 to 255 printable characters without ':'"
            case .path: "the path of a Unix socket must be absolute and at most 107 bytes long"
            }
        }
    }

    /// Reads `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000` (both loopback addresses), `unix:/path`, `fd:NAME`.
    public static func parse(_ text: String) throws(Malformed) -> [ListenAddress] {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else { throw .path }
            return [.unix(path: path)]
        }
        if text.hasPrefix("fd:") {
            let name = String(text.dropFirst(3))
            guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }) else {
                throw .name
            }
            return [.inherited(name: name)]
        }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else { throw .portMissing }
        let host = String(text[..<colon])
        // A bare IPv6 address ends in something that looks like a port.
        guard host.hasPrefix("[") || !host.contains(":") else { throw .portMissing }
        let port = try Self.parsePort(String(text[text.index(after: colon)...]))
        return try Self.parseHost(host).map { .tcp($0, port: port) }
    }

    public static func parsePort(_ text: String) throws(Malformed) -> UInt16 {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(text)
        else {
            throw .port
        }
        return port
    }

    /// Reads an IPv4 address, an IPv6 address with or without brackets, or `localhost`.
    public static func parseHost(_ text: String) throws(Malformed) -> [IPAddress] {
        if text == "localhost" { return [.loopbackV4, .loopbackV6] }
        var literal = text
        if literal.hasPrefix("[") {
            guard literal.hasSuffix("]"), literal.contains(":") else { throw .address }
            literal = String(literal.dropFirst().dropLast())
        }
        if let address = IPAddress(literal) { return [address] }
        throw literal.utf8.contains { $0 >= 0x61 && $0 <= 0x7A || $0 >= 0x41 && $0 <= 0x5A } && !literal.contains(":")
            ? .hostName : .address
    }
}

extension ListenAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tcp(let address, let port): address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let name): "fd:\(name)"
        }
    }
}
