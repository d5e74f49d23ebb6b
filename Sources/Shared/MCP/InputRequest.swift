public import Base
public import Wire

/// What a server asks a client for in the middle of a call: a request of its own in the legacy era, a value of `inputRequests` in
/// the modern one. Held as a tree, because a human is about to be asked: these are rare, and kept until the answer was checked.
public struct InputRequest: Equatable, Sendable {
    public enum Kind: Equatable, Sendable, CaseIterable {
        case elicitationForm, elicitationURL, sampling, roots
    }

    public let kind: Kind
    /// `params` without `_meta`, as the server wrote them.
    public let params: [JSONValue.Member]
    /// `params._meta` without what belongs to one leg: see `Origin`.
    public let meta: [JSONValue.Member]
    public let origin: Origin

    /// What `params._meta` said about where the request comes from. Nothing of it passes to the client.
    public struct Origin: Equatable, Sendable {
        /// The task that the request is part of (2025-11-25).
        public let relatedTask: String?
        /// From our own worker: the id of the call that the request is part of.
        public let relatedRequest: Int64?
        /// From our own worker: a key that stays the same when the call is done again.
        public let keyHint: String?
        /// The server wants to hear that the client is still at it. A string or an integer.
        public let progressToken: JSONValue?
    }

    /// Reads a request of a server. `params` is the range of its object; nil and null are an empty one.
    public init(method: MCPMethod, _ bytes: Span<UInt8>, params: ByteRange?) throws(InputRequestRefusal) {
        guard let params else {
            try self.init(method: method, params: .object([]))
            return
        }
        try self.init(method: method, params: try Self.tree(bytes, params))
    }

    /// Reads a value of `inputRequests`.
    public init(_ bytes: Span<UInt8>, value: ByteRange) throws(InputRequestRefusal) {
        let tree = try Self.tree(bytes, value)
        guard tree.objectValue != nil else { throw .notObject }
        guard let name = tree["method"]?.stringValue else { throw .missing("method") }
        try self.init(method: MCPMethod([UInt8](name.utf8).span), params: tree["params"] ?? .object([]))
    }

    init(method: MCPMethod, params: JSONValue) throws(InputRequestRefusal) {
        guard let members = params.isNull ? [] : params.objectValue else { throw .notObject }
        let params = JSONValue.object(members)
        switch method {
        case .elicitationCreate: self.kind = try Self.elicitationKind(params)
        case .samplingCreateMessage: self.kind = try Self.samplingKind(params)
        case .rootsList: self.kind = .roots
        default: throw .notInput
        }
        let meta = params["_meta"]
        self.params = members.filter { $0.key != "_meta" }
        self.meta = (meta?.objectValue ?? []).filter { Self.isThirdParty($0.key) }
        self.origin = Origin(
            relatedTask: meta?["io.modelcontextprotocol/related-task"]?["taskId"]?.stringValue,
            relatedRequest: meta?["io.mcp-supervisor/relatedRequest"]?.int64Value,
            keyHint: meta?["io.mcp-supervisor/inputKey"]?.stringValue,
            progressToken: Self.token(meta?["progressToken"]))
    }

    /// A URL to visit on behalf of error -32042, whose elicitations have no method.
    init(url: String, message: String) {
        self.kind = .elicitationURL
        self.params = [.init("mode", "url"), .init("message", .string(message)), .init("url", .string(url))]
        self.meta = []
        self.origin = Origin(relatedTask: nil, relatedRequest: nil, keyHint: nil, progressToken: nil)
    }

    public var method: MCPMethod {
        switch self.kind {
        case .elicitationForm, .elicitationURL: .elicitationCreate
        case .sampling: .samplingCreateMessage
        case .roots: .rootsList
        }
    }

    /// What a client must have declared to be asked this.
    public var needs: ClientCapabilities {
        switch self.kind {
        case .elicitationForm: .elicitationForm
        case .elicitationURL: .elicitationURL
        case .sampling: self.usesTools ? [.sampling, .samplingTools] : .sampling
        case .roots: .roots
        }
    }

    /// What of it the client has not declared; empty when it may be asked.
    public func missing(in capabilities: ClientCapabilities) -> ClientCapabilities { self.needs.subtracting(capabilities) }

    public subscript(key: String) -> JSONValue? { JSONValue.object(self.params)[key] }

    /// What a person is shown, for a text that stands in for the request.
    public var message: String? { self["message"]?.stringValue }
    public var url: String? { self.kind == .elicitationURL ? self["url"]?.stringValue : nil }

    // MARK: Reading

    /// `tools`, `toolChoice`, or content that only makes sense with them.
    private var usesTools: Bool {
        if self["tools"] != nil || self["toolChoice"] != nil { return true }
        return self.contentBlocks.contains {
            switch $0["type"]?.stringValue {
            case "tool_use", "tool_result": true
            default: false
            }
        }
    }

    /// The content blocks of all messages that are sampled from.
    var contentBlocks: [JSONValue] {
        (self["messages"]?.arrayValue ?? []).flatMap { message in
            guard let content = message["content"] else { return [JSONValue]() }
            return content.arrayValue ?? [content]
        }
    }

    private static func tree(_ bytes: Span<UInt8>, _ range: ByteRange) throws(InputRequestRefusal) -> JSONValue {
        do throws(JSONTextError) {
            return try JSONValue.parse(bytes, range, limits: .secondLook)
        } catch {
            throw .malformed(error.reason)
        }
    }

    private static func token(_ value: JSONValue?) -> JSONValue? {
        guard let value, value.stringValue != nil || value.int64Value != nil else { return nil as JSONValue? }
        return value
    }

    private static func isThirdParty(_ key: String) -> Bool {
        key != "progressToken" && !key.hasPrefix("io.mcp-supervisor/") && !key.hasPrefix("io.modelcontextprotocol/")
    }

    private static func elicitationKind(_ params: JSONValue) throws(InputRequestRefusal) -> Kind {
        guard params["message"]?.stringValue != nil else { throw .missing("message") }
        guard let mode = params["mode"] else { return try Self.form(params) }
        switch mode.stringValue {
        case "form": return try Self.form(params)
        case "url":
            guard let url = params["url"]?.stringValue, !url.isEmpty else { throw .missing("url") }
            return .elicitationURL
        default: throw .unknownMode
        }
    }

    private static func form(_ params: JSONValue) throws(InputRequestRefusal) -> Kind {
        guard let schema = params["requestedSchema"], schema.objectValue != nil else { throw .missing("requestedSchema") }
        guard schema["properties"].map({ $0.objectValue != nil }) ?? true else { throw .missing("requestedSchema.properties") }
        return .elicitationForm
    }

    private static func samplingKind(_ params: JSONValue) throws(InputRequestRefusal) -> Kind {
        guard let messages = params["messages"]?.arrayValue else { throw .missing("messages") }
        for message in messages {
            switch message["role"]?.stringValue {
            case "user", "assistant": break
            default: throw .missing("messages[].role")
            }
            guard let content = message["content"] else { throw .missing("messages[].content") }
            for block in content.arrayValue ?? [content] where block["type"]?.stringValue == nil {
                throw .missing("messages[].content.type")
            }
        }
        guard params["maxTokens"]?.doubleValue != nil else { throw .missing("maxTokens") }
        return .sampling
    }
}

/// Why a server's request for input is not one.
public enum InputRequestRefusal: Error, Equatable, Sendable {
    /// No method that asks a client for input.
    case notInput
    /// `params`, or the value of an input request, is no object.
    case notObject
    case malformed(JSONError.Reason)
    /// Absent or of the wrong type.
    case missing(StaticText)
    case unknownMode

    public var code: ErrorCode { self == .notInput ? .methodNotFound : .invalidParams }

    public var reason: String {
        switch self {
        case .notInput: "clients are not asked this"
        case .notObject: "a request for input must be an object"
        case .malformed(let reason): "a request for input is malformed: \(reason.text)"
        case .missing(let member): "a request for input lacks a valid \(member.text)"
        case .unknownMode: "the mode of an elicitation must be form or url"
        }
    }
}

/// A literal that can be compared, for errors that are.
public struct StaticText: Equatable, Sendable, ExpressibleByStringLiteral {
    public let text: StaticString

    public init(stringLiteral text: StaticString) { self.text = text }

    public static func == (lhs: Self, rhs: Self) -> Bool { [UInt8](lhs.text) == [UInt8](rhs.text) }
}
