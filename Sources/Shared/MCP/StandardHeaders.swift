public import Base
public import Wire

/// The HTTP fields that repeat what a 2026-07-28 body says, so that proxies can route without reading it. A difference between
/// the two is an attack on such a proxy or a bug; both are refused with HTTP 400 and -32020.
///
/// Order of use: `versionRefusal`, then whether the version is supported, then `routingRefusal`. Notifications are not held to any
/// of this: the revision defines none over HTTP, and its rules for their fields are missing. Only what is `misread` has no place there
/// either.
public struct StandardHeaders: Equatable, Sendable {
    public enum Refusal: Equatable, Sendable {
        case versionMissing, versionMalformed, versionDiffers
        case methodMissing, methodMalformed, methodDiffers
        case nameMissing, nameMalformed, nameDiffers

        public var code: ErrorCode { .headerMismatch }

        public var reason: StaticString {
            switch self {
            case .versionMissing: "The MCP-Protocol-Version header is required"
            case .versionMalformed: "The MCP-Protocol-Version header is repeated or not visible ASCII"
            case .versionDiffers: "The MCP-Protocol-Version header differs from _meta io.modelcontextprotocol/protocolVersion"
            case .methodMissing: "The Mcp-Method header is required"
            case .methodMalformed: "The Mcp-Method header is repeated or not visible ASCII"
            case .methodDiffers: "The Mcp-Method header differs from the method of the body"
            case .nameMissing: "The Mcp-Name header is required for this method"
            case .nameMalformed: "The Mcp-Name header is repeated, or neither visible ASCII nor canonical =?base64?...?= of UTF-8"
            case .nameDiffers: "The Mcp-Name header differs from the name in params"
            }
        }
    }

    /// Field values in the bytes of the request head.
    public let version: ByteRange?
    public let method: ByteRange?
    public let name: ByteRange?
    /// Those of the three that the head holds twice, or with bytes that are not ASCII.
    public let misread: HTTPFieldNames

    public init(version: ByteRange?, method: ByteRange?, name: ByteRange?, misread: HTTPFieldNames = []) {
        self.version = version
        self.method = method
        self.name = name
        self.misread = misread
    }

    /// `metaVersion` is the JSON string of `_meta`'s protocol version in `body`, quotes included.
    public func versionRefusal(_ head: Span<UInt8>, body: Span<UInt8>, metaVersion: ByteRange) -> Refusal? {
        guard !self.misread.contains(.mcpProtocolVersion) else { return .versionMalformed }
        guard let version = self.version else { return .versionMissing }
        return Self.equals(head, HeaderValue.trimmed(head, version), body, metaVersion) ? nil : .versionDiffers
    }

    /// `bodyMethod` and `bodyName` are JSON strings in `body`, quotes included. `bodyName` is the member of `params` that
    /// `method.nameParameter` names; nil, or a value that is no string, when the body lacks it: then only a present header is
    /// refused, and the parameters are refused later by whoever needs them.
    public func routingRefusal(
        _ head: Span<UInt8>, body: Span<UInt8>, method: MCPMethod, bodyMethod: ByteRange, bodyName: ByteRange?
    ) -> Refusal? {
        guard !self.misread.contains(.mcpMethod) else { return .methodMalformed }
        guard let headerMethod = self.method else { return .methodMissing }
        guard Self.equals(head, HeaderValue.trimmed(head, headerMethod), body, bodyMethod) else { return .methodDiffers }
        // Also where the method has no name: a proxy may not know that.
        guard !self.misread.contains(.mcpName) else { return .nameMalformed }
        guard method.nameParameter != nil else { return nil }
        guard let headerName = self.name else { return bodyName == nil ? nil : .nameMissing }
        guard let bodyName, jsonKind(body, bodyName) == .string else { return .nameDiffers }
        let value = HeaderValue(head, headerName)
        guard value != .malformed else { return .nameMalformed }
        let isEqual =
            JSONString.hasEscapes(body, bodyName)
            ? value.equals(head, text: JSONString.unescape(body, bodyName).span)
            : value.equals(head, text: body.extracting(JSONString.contents(bodyName).range))
        return isEqual ? nil : .nameDiffers
    }

    /// Whether a field, byte for byte and without any decoding, is what a JSON string stands for.
    private static func equals(_ head: Span<UInt8>, _ field: ByteRange, _ body: Span<UInt8>, _ string: ByteRange) -> Bool {
        let value = head.extracting(field.range)
        guard JSONString.hasEscapes(body, string) else {
            return value.equals(body.extracting(JSONString.contents(string).range))
        }
        return value.equals(JSONString.unescape(body, string).span)
    }
}
