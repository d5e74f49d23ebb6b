import Base
import Wire

/// What a path stands for. Every request gets one, and every route names its methods and whether it needs a credential, so no
/// endpoint can be without a decision.
enum Route: Equatable {
    /// Streamable HTTP of one server, and WebSockets by upgrade.
    case mcp(server: Int)
    /// WebSockets only.
    case webSocket(server: Int)
    /// HTTP+SSE of 2024-11-05: the stream, and where its client's messages go.
    case eventStream(server: Int)
    case messages(server: Int)
    /// Plain HTTP.
    case rest(server: Int, RESTEndpoint)
    /// Liveness and readiness, open to everyone.
    case health
    case ready
    case notFound
    /// No path: the head of the request is not complete or not well-formed.
    case unread

    /// Whether errors are JSON-RPC. Where no path was read too: most likely it would have been an MCP endpoint, and a client of
    /// 2026-07-28 must not take a status without such a body for a server of another era.
    var answersJSONRPC: Bool { self.server != nil || self == .unread }

    var isMCP: Bool {
        if case .mcp = self { return true }
        return false
    }

    /// Whether results go out without their envelope.
    var isBare: Bool {
        guard case .rest(_, let endpoint) = self else { return false }
        return endpoint != .message
    }

    /// A single response answers: no stream may take its place, and its client has cancelled by leaving.
    var isREST: Bool {
        if case .rest = self { return true }
        return false
    }

    /// The server that answers here.
    var server: Int? {
        switch self {
        case .mcp(let server), .webSocket(let server), .eventStream(let server), .messages(let server), .rest(let server, _):
            server
        case .health, .ready, .notFound, .unread: nil
        }
    }

    var needsCredential: Bool {
        switch self {
        case .mcp, .webSocket, .eventStream, .messages, .rest, .notFound, .unread: true
        case .health, .ready: false
        }
    }

    func allows(_ method: HTTPMethod) -> Bool {
        switch self {
        case .mcp: method == .post || method == .get || method == .delete
        case .webSocket, .eventStream: method == .get
        case .messages: method == .post
        case .rest(_, let endpoint): method == (endpoint.isGet ? .get : .post)
        case .health, .ready: method == .get || method == .head
        // What is not there is 404 by any method, except by one that asks for no path at all.
        case .notFound, .unread: method != .connect
        }
    }

    /// The value of the Allow field in a 405: exactly what `allows`, and OPTIONS where preflights are answered.
    func allowed(withPreflight: Bool) -> StaticString {
        switch self {
        case .mcp: withPreflight ? "GET, POST, DELETE, OPTIONS" : "GET, POST, DELETE"
        case .rest(_, let endpoint) where endpoint.isGet: withPreflight ? "GET, OPTIONS" : "GET"
        case .webSocket, .eventStream: withPreflight ? "GET, OPTIONS" : "GET"
        case .messages, .rest: withPreflight ? "POST, OPTIONS" : "POST"
        case .health, .ready: withPreflight ? "GET, HEAD, OPTIONS" : "GET, HEAD"
        case .notFound, .unread: ""
        }
    }
}

/// The fixed paths. A path matches byte by byte: nothing is decoded, folded or normalised, so no two spellings mean one route.
struct RouteTable {
    private var routes: [(path: [UInt8], route: Route)] = []
    /// What paths of operations begin with.
    private var prefixes: [(path: [UInt8], route: Route)] = []

    /// `servers` are the names in configuration order; the default one is also at the root.
    init(servers: [String], defaultServer: Int?) {
        if let defaultServer { self.add(defaultServer, below: "") }
        self.routes.append(([UInt8]("/health"), .health))
        self.routes.append(([UInt8]("/ready"), .ready))
        for (index, name) in servers.enumerated() { self.add(index, below: "/servers/\(name)") }
        // What is asked for most is found first. No path stands twice, so the order means nothing else.
        self.routes = self.routes.filter(\.route.isMCP) + self.routes.filter { !$0.route.isMCP }
    }

    private mutating func add(_ server: Int, below prefix: String) {
        self.routes.append(([UInt8]((prefix + "/mcp").utf8), .mcp(server: server)))
        self.routes.append(([UInt8]((prefix + "/ws").utf8), .webSocket(server: server)))
        self.routes.append(([UInt8]((prefix + "/sse").utf8), .eventStream(server: server)))
        self.routes.append(([UInt8]((prefix + "/messages").utf8), .messages(server: server)))
        for endpoint in RESTEndpoint.allCases {
            let path = [UInt8](prefix.utf8) + [UInt8](endpoint.path)
            if endpoint == .progress {
                self.prefixes.append((path, .rest(server: server, endpoint)))
            } else {
                self.routes.append((path, .rest(server: server, endpoint)))
            }
        }
    }

    func route(_ path: Span<UInt8>) -> Route {
        for candidate in self.routes where candidate.path.span.equals(path) { return candidate.route }
        for candidate in self.prefixes where path.count > candidate.path.count {
            if path.extracting(0..<candidate.path.count).equals(candidate.path.span) { return candidate.route }
        }
        return .notFound
    }
}
