public import Base

/// The envelope of one JSON-RPC 2.0 message, as ranges of the scanned bytes.
public struct JSONRPCEnvelope: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        case request
        case notification
        /// A response with `result`.
        case result
        /// A response with `error`.
        case error
    }

    public internal(set) var kind: Kind
    /// The lexeme, quotes included. Nil in a notification, and in an error response that names no request.
    public internal(set) var id: ByteRange?
    /// With its quotes. Set in requests and notifications.
    public internal(set) var method: ByteRange?
    /// Always an object.
    public internal(set) var params: ByteRange?
    /// Always an object, as MCP wants it.
    public internal(set) var result: ByteRange?
    /// Always an object with an integer `code` and a string `message`.
    public internal(set) var error: ByteRange?
    /// The whole message without the whitespace around it.
    public internal(set) var whole: ByteRange
    /// True when the message must be rewritten by `appendLine` before it may become one line of a stdio channel.
    public internal(set) var needsLineRewrite: Bool
}

/// Why a text is no acceptable JSON-RPC message.
public enum JSONRPCError: Error, Equatable, Sendable {
    /// -32700. Also for duplicate keys of the envelope, `params`, `result` and `error`.
    case parse(JSONError)
    /// -32600. `id` is the id of the message when it has a valid one, for the response.
    case invalid(JSONRPCInvalid, id: ByteRange?)
    /// The text is a valid JSON array at this range; `JSONScanner.scanArray` gives its elements.
    case batch(ByteRange)
}

/// What makes valid JSON no JSON-RPC message that MCP knows.
public enum JSONRPCInvalid: Equatable, Sendable, CaseIterable {
    case notObject
    /// `jsonrpc` is missing or not "2.0".
    case version
    /// Not a string of at most 256 bytes nor an integer within ±(2^53-1). MCP refuses null in requests.
    case id
    /// A response with `result` needs the id of its request.
    case idMissing
    case method
    case params
    case result
    case error
    /// More than one of `method`, `result` and `error`.
    case ambiguous
    /// None of `method`, `result` and `error`.
    case empty

    /// For the text of an error response and for logs.
    public var text: StaticString {
        switch self {
        case .notObject: "the message is not an object"
        case .version: "\"jsonrpc\" is not \"2.0\""
        case .id: "\"id\" is neither a short string nor a safe integer"
        case .idMissing: "a response without \"id\""
        case .method: "\"method\" is not a string"
        case .params: "\"params\" is not an object"
        case .result: "\"result\" is not an object"
        case .error: "\"error\" is not an object with an integer code and a message"
        case .ambiguous: "more than one of \"method\", \"result\" and \"error\""
        case .empty: "none of \"method\", \"result\" and \"error\""
        }
    }
}
