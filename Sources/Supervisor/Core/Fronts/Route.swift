import Base
import Wire

/// What a path stands for. Every request gets one, and every route names its methods and whether it needs a credential, so no
/// endpoint can be without a decision.
enum Route: Equatable {
    /// Streamable HTTP of one server.
    case mcp(server: Int)
    /// Liveness and readiness, open to everyone.
    case health
    case ready
    case notFound
    /// No path: the head of the request is not complete or not well-formed.
    case unread

    /// Whether errors are JSON-RPC. Where no path was read too: most likely it would have been an MCP endpoint, and a client of
    /// 2026-07-28 must not take a status without such a body for a server of another era.
    var answersJSONRPC: Bool { self.isMCP || self == .unread }

    var isMCP: Bool {
        if case .mcp = self { return true }
        return false
    }

    var needsCredential: Bool {
        switch self {
        case .mcp, .notFound, .unread: true
        case .health, .ready: false
        }
    }

    func allows(_ method: HTTPMethod) -> Bool {
        switch self {
        case .mcp: method == .post || method == .get || method == .delete
        case .health, .ready: method == .get || method == .head
        // What is not there is 404 by any method, except by one that asks for no path at all.
        case .notFound, .unread: method != .connect
        }
    }

    /// The value of the Allow field in a 405: exactly what `allows`, and OPTIONS where preflights are answered.
    func allowed(withPreflight: Bool) -> StaticString {
        switch self {
        case .mcp: withPreflight ? "GET, POST, DELETE, OPTIONS" : "GET, POST, DELETE"
        case .health, .ready: withPreflight ? "GET, HEAD, OPTIONS" : "GET, HEAD"
        case .notFound, .unread: ""
        }
    }
}

/// The fixed paths. A path matches byte by byte: nothing is decoded, folded or normalised, so no two spellings mean one route.
struct RouteTable {
    private var routes: [(path: [UInt8], route: Route)] = []

    /// `servers` are the names in configuration order; the default one is also at `/mcp`.
    init(servers: [String], defaultServer: Int?) {
        if let defaultServer { self.routes.append(([UInt8]("/mcp"), .mcp(server: defaultServer))) }
        self.routes.append(([UInt8]("/health"), .health))
        self.routes.append(([UInt8]("/ready"), .ready))
        for (index, name) in servers.enumerated() {
            self.routes.append(([UInt8]("/servers/") + Array(name.utf8) + [UInt8]("/mcp"), .mcp(server: index)))
        }
    }

    func route(_ path: Span<UInt8>) -> Route {
        for candidate in self.routes where candidate.path.span.equals(path) { return candidate.route }
        return .notFound
    }
}
