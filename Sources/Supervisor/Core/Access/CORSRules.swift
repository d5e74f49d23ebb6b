import Base
public import Wire

/// The fields that let a listed web page read answers (Fetch standard, CORS protocol). Off while no origin is listed: then no such
/// field is ever sent. The origin is echoed exactly, never as `*`.
public struct CORSRules: Sendable {
    public let isEnabled: Bool
    private let allowsCredentials: Bool
    private let ageSeconds: Int64

    public init(_ settings: CORSSettings) {
        self.isEnabled = !settings.origins.isEmpty
        self.allowsCredentials = settings.allowsCredentials
        self.ageSeconds = settings.age.nanoseconds / 1_000_000_000
    }

    /// Adds what an answer needs. `origin` is the request's value when its verdict was `listed`. Without it only `Vary` is added,
    /// so that no cache gives one page's answer to another.
    public func appendFields(origin: Span<UInt8>?, to fields: inout HTTPFields) {
        guard self.isEnabled else { return }
        fields.append("Vary", "Origin")
        guard let origin else { return }
        fields.append("Access-Control-Allow-Origin", origin)
        if self.allowsCredentials { fields.append("Access-Control-Allow-Credentials", "true") }
        fields.append("Access-Control-Expose-Headers", "MCP-Session-Id, MCP-Protocol-Version, WWW-Authenticate")
    }

    /// The fields of the answer to a preflight (204, no body, no credential needed), besides those of `appendFields`.
    ///
    /// `requested` is the value of Access-Control-Request-Headers. Of it only `Mcp-Param-*` is repeated: there is no wildcard for
    /// them, and everything else that may be sent is in the fixed list.
    public func appendPreflightFields(requested: Span<UInt8>?, to fields: inout HTTPFields) {
        guard self.isEnabled else { return }
        fields.append("Access-Control-Allow-Methods", "GET, POST, DELETE")
        var allowed = [UInt8](
            """
            Authorization, Content-Type, Accept, MCP-Protocol-Version, MCP-Session-Id, Last-Event-ID, Mcp-Method, Mcp-Name
            """)
        if let requested { Self.appendParameterNames(requested, to: &allowed) }
        fields.append("Access-Control-Allow-Headers", allowed.span)
        fields.append("Access-Control-Max-Age", decimal: self.ageSeconds)
    }

    // Bound: names repeated from one request.
    private static let parameterNamesMax = 32

    private static func appendParameterNames(_ requested: Span<UInt8>, to allowed: inout [UInt8]) {
        var position = 0
        var names = 0
        while position < requested.count, names < Self.parameterNamesMax {  // Bound: the field.
            var end = position
            while end < requested.count, requested[end] != 0x2C { end += 1 }
            let name = Self.trimmed(requested, position, end)
            if Self.isParameterName(requested.extracting(name)) {
                allowed.append(0x2C)
                allowed.append(0x20)
                allowed.append(requested.extracting(name))
                names += 1
            }
            position = end + 1
        }
    }

    private static func trimmed(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Range<Int> {
        var start = start
        var end = end
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }

    /// `Mcp-Param-` in any case and at least one more token byte (RFC 9110 5.6.2).
    private static func isParameterName(_ name: Span<UInt8>) -> Bool {
        let prefix: StaticString = "mcp-param-"
        let count = prefix.utf8CodeUnitCount
        guard name.count > count, name.count <= 128, name.extracting(0..<count).equalsIgnoringASCIICase(prefix) else {
            return false
        }
        for index in count..<name.count where !Self.isToken(name[index]) { return false }
        return true
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x7C, 0x7E: true
        default: false
        }
    }
}
