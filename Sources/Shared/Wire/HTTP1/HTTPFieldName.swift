/// The request fields that some part of the supervisor reads. All others only have to be well formed.
@frozen
public enum HTTPFieldName: Int, CaseIterable, Sendable {
    case host
    case origin
    case authorization
    case contentType
    case contentLength
    case contentEncoding
    case transferEncoding
    /// The first field line; `HTTPRequestHead.accepts` joins all of them.
    case accept
    /// The first field line; `keepAlive` and `wantsUpgrade` of `HTTPRequestHead` join all of them.
    case connection
    case upgrade
    case expect
    case mcpSessionID
    case mcpProtocolVersion
    case mcpMethod
    case mcpName
    case lastEventID
    case accessControlRequestMethod
    case accessControlRequestHeaders
    case secWebSocketKey
    case secWebSocketVersion
    case secWebSocketProtocol
    case secWebSocketExtensions
    case xOperationID
    case xAPIKey
    case forwarded
    case xForwardedFor
    case xForwardedHost
    case xForwardedProto
    case userAgent
    case traceparent
    case tracestate
    case baggage

    /// Lists (RFC 9110 5.3) and fields that intermediaries repeat. Every other recognised field occurs once or the request is
    /// refused.
    public var mayRepeat: Bool {
        switch self {
        case .accept, .connection, .upgrade, .accessControlRequestHeaders, .secWebSocketProtocol, .secWebSocketExtensions,
            .forwarded,
            .xForwardedFor, .xForwardedHost, .xForwardedProto, .traceparent, .tracestate, .baggage:
            true
        case .host, .origin, .authorization, .contentType, .contentLength, .contentEncoding, .transferEncoding, .expect,
            .mcpSessionID,
            .mcpProtocolVersion, .mcpMethod, .mcpName, .lastEventID, .accessControlRequestMethod, .secWebSocketKey,
            .secWebSocketVersion, .xOperationID, .xAPIKey, .userAgent:
            false
        }
    }

    /// What a 2026-07-28 request repeats from its body for proxies to route by.
    public var isRouting: Bool {
        switch self {
        case .mcpProtocolVersion, .mcpMethod, .mcpName: true
        default: false
        }
    }

    /// The lower-case name.
    public var name: StaticString {
        switch self {
        case .host: "host"
        case .origin: "origin"
        case .authorization: "authorization"
        case .contentType: "content-type"
        case .contentLength: "content-length"
        case .contentEncoding: "content-encoding"
        case .transferEncoding: "transfer-encoding"
        case .accept: "accept"
        case .connection: "connection"
        case .upgrade: "upgrade"
        case .expect: "expect"
        case .mcpSessionID: "mcp-session-id"
        case .mcpProtocolVersion: "mcp-protocol-version"
        case .mcpMethod: "mcp-method"
        case .mcpName: "mcp-name"
        case .lastEventID: "last-event-id"
        case .accessControlRequestMethod: "access-control-request-method"
        case .accessControlRequestHeaders: "access-control-request-headers"
        case .secWebSocketKey: "sec-websocket-key"
        case .secWebSocketVersion: "sec-websocket-version"
        case .secWebSocketProtocol: "sec-websocket-protocol"
        case .secWebSocketExtensions: "sec-websocket-extensions"
        case .xOperationID: "x-operation-id"
        case .xAPIKey: "x-api-key"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .userAgent: "user-agent"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .baggage: "baggage"
        }
    }

    /// The field that `range` names, letters folded, or nil. The bytes must be free of control bytes (see `matchesFolded`).
    @inline(__always)
    static func recognise(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Self? {
        let start = range.lowerBound
        switch range.count {
        case 4: return bytes.matchesFolded("host", at: start) ? .host : nil
        case 6:
            if bytes.matchesFolded("accept", at: start) { return .accept }
            if bytes.matchesFolded("origin", at: start) { return .origin }
            return bytes.matchesFolded("expect", at: start) ? .expect : nil
        case 7:
            if bytes.matchesFolded("upgrade", at: start) { return .upgrade }
            return bytes.matchesFolded("baggage", at: start) ? .baggage : nil
        case 8: return bytes.matchesFolded("mcp-name", at: start) ? .mcpName : nil
        case 9:
            if bytes.matchesFolded("x-api-key", at: start) { return .xAPIKey }
            return bytes.matchesFolded("forwarded", at: start) ? .forwarded : nil
        case 10:
            if bytes.matchesFolded("connection", at: start) { return .connection }
            if bytes.matchesFolded("user-agent", at: start) { return .userAgent }
            if bytes.matchesFolded("mcp-method", at: start) { return .mcpMethod }
            return bytes.matchesFolded("tracestate", at: start) ? .tracestate : nil
        case 11: return bytes.matchesFolded("traceparent", at: start) ? .traceparent : nil
        case 12: return bytes.matchesFolded("content-type", at: start) ? .contentType : nil
        case 13:
            if bytes.matchesFolded("authorization", at: start) { return .authorization }
            return bytes.matchesFolded("last-event-id", at: start) ? .lastEventID : nil
        case 14:
            if bytes.matchesFolded("content-length", at: start) { return .contentLength }
            if bytes.matchesFolded("mcp-session-id", at: start) { return .mcpSessionID }
            return bytes.matchesFolded("x-operation-id", at: start) ? .xOperationID : nil
        case 15...: return Self.recogniseLong(bytes, range)
        default: return nil
        }
    }

    private static func recogniseLong(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Self? {
        let start = range.lowerBound
        switch range.count {
        case 15: return bytes.matchesFolded("x-forwarded-for", at: start) ? .xForwardedFor : nil
        case 16:
            if bytes.matchesFolded("content-encoding", at: start) { return .contentEncoding }
            return bytes.matchesFolded("x-forwarded-host", at: start) ? .xForwardedHost : nil
        case 17:
            if bytes.matchesFolded("transfer-encoding", at: start) { return .transferEncoding }
            if bytes.matchesFolded("sec-websocket-key", at: start) { return .secWebSocketKey }
            return bytes.matchesFolded("x-forwarded-proto", at: start) ? .xForwardedProto : nil
        case 20: return bytes.matchesFolded("mcp-protocol-version", at: start) ? .mcpProtocolVersion : nil
        case 21: return bytes.matchesFolded("sec-websocket-version", at: start) ? .secWebSocketVersion : nil
        case 22: return bytes.matchesFolded("sec-websocket-protocol", at: start) ? .secWebSocketProtocol : nil
        case 24: return bytes.matchesFolded("sec-websocket-extensions", at: start) ? .secWebSocketExtensions : nil
        case 29: return bytes.matchesFolded("access-control-request-method", at: start) ? .accessControlRequestMethod : nil
        case 30: return bytes.matchesFolded("access-control-request-headers", at: start) ? .accessControlRequestHeaders : nil
        default: return nil
        }
    }
}
