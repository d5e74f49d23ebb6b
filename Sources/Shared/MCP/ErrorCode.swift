/// The `code` of a JSON-RPC error. Any number may come from a worker; the named ones are those we send or interpret.
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The bytes are not one JSON text.
    public static let parseError = Self(rawValue: -32700)
    /// JSON, but not a request, notification or response that is allowed here.
    public static let invalidRequest = Self(rawValue: -32600)
    /// No such method, or its capability was not advertised.
    public static let methodNotFound = Self(rawValue: -32601)
    /// Wrong parameters; unknown tool, prompt or resource; an incomplete modern envelope.
    public static let invalidParams = Self(rawValue: -32602)
    public static let internalError = Self(rawValue: -32603)

    /// 2026-07-28: a standard header is missing, malformed or contradicts the body.
    public static let headerMismatch = Self(rawValue: -32020)
    /// 2026-07-28: the request needs a client capability that it did not declare. `data.requiredCapabilities` is an object.
    public static let missingClientCapability = Self(rawValue: -32021)
    /// 2026-07-28: `data` holds `supported` (list) and `requested`.
    public static let unsupportedProtocolVersion = Self(rawValue: -32022)

    /// Legacy only: the range that implementations use freely. Ours for refusals without a code of their own.
    public static let serverError = Self(rawValue: -32000)
    /// Legacy only: the session is gone. Clients look at the status (404), not at the code.
    public static let sessionNotFound = Self(rawValue: -32001)
    /// Legacy only, from workers: a modern client must get `invalidParams` instead.
    public static let resourceNotFound = Self(rawValue: -32002)
    /// 2025-11-25 only: the client must open a URL first. A modern server must not send it.
    public static let urlElicitationRequired = Self(rawValue: -32042)
    /// Legacy only: what some servers answer to a cancelled request.
    public static let requestCancelled = Self(rawValue: -32800)
}

extension ErrorCode {
    /// Whether a modern server may put this code on the wire: not the legacy codes, nothing in -32019 … -32000, and of
    /// -32099 … -32020 only the three defined ones.
    public var mayBeSentToModernClient: Bool {
        switch self.rawValue {
        case -32022 ... -32020: true
        case -32099 ... -32000: false
        default: true
        }
    }

    /// The HTTP status of a modern answer whose head is not sent yet. `isEnvelope` tells an incomplete envelope, which is the
    /// request's fault (400), from parameters that the method refuses (200): both are `invalidParams`.
    public func httpStatusInModern(isEnvelope: Bool = false) -> Int {
        switch self {
        case .parseError, .invalidRequest, .headerMismatch, .missingClientCapability, .unsupportedProtocolVersion: 400
        case .methodNotFound: 404
        case .invalidParams where isEnvelope: 400
        default: 200
        }
    }
}
