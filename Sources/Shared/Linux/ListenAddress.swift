import Base

/// Where to listen, as it is written on the command line and in the configuration:
/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`, `unix:/path`, `fd:NAME`.
public enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(IPEndpoint)
    /// An absolute path of at most 107 bytes (sun_path with its NUL).
    case unix(path: String)
    /// A socket that the service manager opened, by its `FileDescriptorName`.
    case inherited(name: String)

    /// Why a text is no address.
    public enum ParseError: Error, Equatable, Sendable {
        case missingPort
        case badPort
        /// Names are not looked up: what is served must not depend on a name server. Only `localhost` is known, as 127.0.0.1.
        case badHost
        case badPath
        case badName

        public var reason: StaticString {
            switch self {
            case .missingPort: "a port is missing, as in 127.0.0.1:8000"
            case .badPort: "the port is not a number from 0 to 65535"
            case .badHost: "the host is not an IPv4 address, an IPv6 address in brackets, or localhost"
            case .badPath: "the path of a Unix socket must be absolute and at most 107 bytes long"
            case .badName:
                "the name of an inherited socket is empty, longer than 255 bytes or not printable ASCII without a colon"
            }
        }
    }

    public init(_ text: String) throws(ParseError) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try Self.path(text.dropFirst(5)))
        } else if text.hasPrefix("fd:") {
            self = .inherited(name: try Self.name(text.dropFirst(3)))
        } else {
            guard let colon = text.utf8.lastIndex(of: 0x3A) else { throw .missingPort }
            let port = try Self.port(text[text.index(after: colon)...])
            self = .ip(IPEndpoint(try Self.host(text[..<colon]), port: port))
        }
    }

    /// The host of an address: `127.0.0.1`, `[::1]`, `::1`, `localhost`.
    public static func host(_ text: Substring) throws(ParseError) -> IPAddress {
        if text == "localhost" { return .loopback4 }
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let bytes = Array(isBracketed ? text.dropFirst().dropLast().utf8 : text.utf8)
        guard let address = IPAddress(bytes.span) else { throw .badHost }
        switch address {
        case .v4: if isBracketed { throw .badHost }
        case .v6: if !isBracketed && text.endIndex < text.base.endIndex { throw .badHost }
        }
        return address
    }

    private static func port(_ text: Substring) throws(ParseError) -> UInt16 {
        guard !text.isEmpty else { throw .missingPort }
        guard text.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(text) else { throw .badPort }
        return port
    }

    private static func path(_ text: Substring) throws(ParseError) -> String {
        guard text.utf8.first == 0x2F, text.utf8.count < 108, !text.utf8.contains(0) else { throw .badPath }
        return String(text)
    }

    private static func name(_ text: Substring) throws(ParseError) -> String {
        guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }) else {
            throw .badName
        }
        return String(text)
    }

    public var description: String {
        switch self {
        case .ip(let endpoint): endpoint.description
        case .unix(let path): "unix:\(path)"
        case .inherited(let name): "fd:\(name)"
        }
    }
}
