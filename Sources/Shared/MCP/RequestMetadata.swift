public import Base
public import Wire

/// Keys of `_meta` that MCP or this project gives a meaning.
public enum MetaKey {
    public static let protocolVersion: StaticString = "io.modelcontextprotocol/protocolVersion"
    public static let clientCapabilities: StaticString = "io.modelcontextprotocol/clientCapabilities"
    public static let clientInfo: StaticString = "io.modelcontextprotocol/clientInfo"
    public static let logLevel: StaticString = "io.modelcontextprotocol/logLevel"
    public static let serverInfo: StaticString = "io.modelcontextprotocol/serverInfo"
    public static let subscriptionID: StaticString = "io.modelcontextprotocol/subscriptionId"
    public static let relatedTask: StaticString = "io.modelcontextprotocol/related-task"
    public static let progressToken: StaticString = "progressToken"
    public static let traceparent: StaticString = "traceparent"
    public static let tracestate: StaticString = "tracestate"
    public static let baggage: StaticString = "baggage"

    /// Ours, between supervisor and worker. Removed from whatever a client sends.
    public static let caller: StaticString = "io.mcp-supervisor/caller"
    public static let group: StaticString = "io.mcp-supervisor/group"
    public static let relatedRequest: StaticString = "io.mcp-supervisor/relatedRequest"
    public static let inputKey: StaticString = "io.mcp-supervisor/inputKey"

    public static let ours: [StaticString] = [caller, group, relatedRequest, inputKey]
}

/// What `params._meta` says about one request. Ranges are values in the scanned bytes, strings with their quotes.
public struct RequestMetadata: Equatable, Sendable {
    /// Present, of any type: the request claims to be modern.
    public private(set) var protocolVersion: ByteRange?
    public private(set) var clientCapabilities: ByteRange?
    public private(set) var clientInfo: ByteRange?
    public private(set) var logLevel: ByteRange?
    public private(set) var progressToken: ByteRange?

    /// A request without `_meta`.
    public init() {}

    /// `meta` holds the members of the `_meta` object.
    public init(_ bytes: Span<UInt8>, meta: JSONMembers) {
        for member in meta.members {
            if member.hasKey(MetaKey.protocolVersion, in: bytes) {
                self.protocolVersion = member.value
            } else if member.hasKey(MetaKey.clientCapabilities, in: bytes) {
                self.clientCapabilities = member.value
            } else if member.hasKey(MetaKey.clientInfo, in: bytes) {
                self.clientInfo = member.value
            } else if member.hasKey(MetaKey.logLevel, in: bytes) {
                self.logLevel = member.value
            } else if member.hasKey(MetaKey.progressToken, in: bytes) {
                self.progressToken = member.value
            }
        }
    }

    public var claimsModern: Bool { self.protocolVersion != nil }

    /// Whether the member of `_meta` with this value is one of those that make a request modern, which a legacy worker must not
    /// see: no two members have their values in one place.
    public func isModernEnvelope(_ value: ByteRange) -> Bool {
        value == self.protocolVersion || value == self.clientCapabilities || value == self.clientInfo || value == self.logLevel
    }

    /// The log level asked for, or nil. Call after `envelopeRefusal` said that it is a known one.
    public func requestedLogLevel(_ bytes: Span<UInt8>) -> LogLevel? {
        guard let range = self.logLevel, jsonKind(bytes, range) == .string else { return nil }
        return LogLevel(JSONString.unescape(bytes, range).span)
    }

    /// Why the modern envelope is not acceptable, or nil. All of these are HTTP 400 with -32602.
    public func envelopeRefusal(_ bytes: Span<UInt8>) -> EnvelopeRefusal? {
        guard let version = self.protocolVersion else { return .missing(.protocolVersion) }
        guard jsonKind(bytes, version) == .string else { return .wrongType(.protocolVersion) }
        guard let capabilities = self.clientCapabilities else { return .missing(.clientCapabilities) }
        guard jsonKind(bytes, capabilities) == .object else { return .wrongType(.clientCapabilities) }
        if let info = self.clientInfo, jsonKind(bytes, info) != .object { return .wrongType(.clientInfo) }
        if let level = self.logLevel {
            guard jsonKind(bytes, level) == .string else { return .wrongType(.logLevel) }
            guard self.requestedLogLevel(bytes) != nil else { return .unknownLogLevel }
        }
        return self.progressTokenRefusal(bytes)
    }

    /// A progress token is a string or an integer in both eras, and at most 256 bytes long, because it is kept while the call runs.
    public func progressTokenRefusal(_ bytes: Span<UInt8>) -> EnvelopeRefusal? {
        guard let token = self.progressToken else { return nil }
        switch jsonKind(bytes, token) {
        case .string: return JSONString.contents(token).count <= 256 ? nil : .wrongType(.progressToken)
        case .number: return JSONNumber.int64(bytes, token) != nil ? nil : .wrongType(.progressToken)
        case .object, .array, .true, .false, .null: return .wrongType(.progressToken)
        }
    }
}

/// The members of `_meta` whose absence or type can refuse a request.
public enum MetaField: Equatable, Sendable, CaseIterable {
    case protocolVersion, clientCapabilities, clientInfo, logLevel, progressToken
}

public enum EnvelopeRefusal: Equatable, Sendable {
    case missing(MetaField)
    case wrongType(MetaField)
    case unknownLogLevel

    public var code: ErrorCode { .invalidParams }

    public var reason: StaticString {
        switch self {
        case .missing(.protocolVersion): "params._meta lacks io.modelcontextprotocol/protocolVersion"
        case .missing(.clientCapabilities): "params._meta lacks io.modelcontextprotocol/clientCapabilities"
        case .missing(.clientInfo): "params._meta lacks io.modelcontextprotocol/clientInfo"
        case .missing(.logLevel): "params._meta lacks io.modelcontextprotocol/logLevel"
        case .missing(.progressToken): "params._meta lacks progressToken"
        case .wrongType(.protocolVersion): "_meta io.modelcontextprotocol/protocolVersion must be a string"
        case .wrongType(.clientCapabilities): "_meta io.modelcontextprotocol/clientCapabilities must be an object"
        case .wrongType(.clientInfo): "_meta io.modelcontextprotocol/clientInfo must be an object"
        case .wrongType(.logLevel): "_meta io.modelcontextprotocol/logLevel must be a string"
        case .wrongType(.progressToken): "_meta progressToken must be an integer or a string of at most 256 bytes"
        case .unknownLogLevel:
            "_meta io.modelcontextprotocol/logLevel must be debug, info, notice, warning, error, critical, alert or emergency"
        }
    }
}
