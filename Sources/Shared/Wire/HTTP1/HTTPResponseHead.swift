import Base

/// The head of one response. Appended to the output with the security fields that every response carries.
public struct HTTPResponseHead: Sendable {
    public enum Framing: Equatable, Sendable {
        /// `Content-Length`, also when the request was HEAD and the body stays away.
        case length(Int)
        /// The chunked coding. Never for a request of HTTP/1.0, which does not know it.
        case chunked
        /// The body ends with the connection; `keepAlive` is ignored.
        case untilClose
        /// No body: `Content-Length: 0`, and nothing at all where a length is forbidden (204 and 304).
        case none
    }

    /// A final status, 200 to 599.
    public var status: Int
    /// A constant of ours; absent only when there is no body.
    public var contentType: StaticString?
    public var framing: Framing
    /// Whether we read another request from the connection.
    public var keepAlive: Bool
    /// HTTP/1.0 clients that asked to keep the connection have to be told that it is kept.
    public var requestMinorVersion = 1
    /// Adds `Strict-Transport-Security`.
    public var isTLS = false
    /// Adds what keeps intermediaries from buffering or rewriting an event stream.
    public var isEventStream = false
    public var extra: HTTPFields

    public init(
        status: Int, contentType: StaticString? = nil, framing: Framing, keepAlive: Bool = true, extra: HTTPFields = HTTPFields()
    ) {
        self.status = status
        self.contentType = contentType
        self.framing = framing
        self.keepAlive = keepAlive
        self.extra = extra
    }

    /// The head of an SSE stream: chunked, or until the connection closes for a request of HTTP/1.0.
    public static func eventStream(requestMinorVersion: Int = 1, keepAlive: Bool = true, extra: HTTPFields = HTTPFields()) -> Self
    {
        var head = Self(
            status: 200, contentType: HTTPContentType.eventStream, framing: requestMinorVersion == 0 ? .untilClose : .chunked,
            keepAlive: keepAlive, extra: extra)
        head.requestMinorVersion = requestMinorVersion
        head.isEventStream = true
        return head
    }

    /// Appends the head with its empty line. `date` is an IMF-fixdate (see `HTTPDate`) or empty, which leaves the field out.
    public func append(to output: inout [UInt8], date: Span<UInt8>) {
        let contentTypeBytes = self.contentType?.utf8CodeUnitCount ?? 0
        let bytesMax = Self.ownBytesMax + date.count + contentTypeBytes + self.extra.bytes.count
        output.append(addingCapacity: bytesMax) { self.append(to: &$0, date: date) }
    }

    private func append(to output: inout OutputSpan<UInt8>, date: Span<UInt8>) {
        HTTPStatus.appendLine(self.status, to: &output)
        Self.appendDate(date, to: &output)
        if let contentType = self.contentType {
            output.append("Content-Type: ")
            output.appendFieldValue(contentType)
            output.append("\r\n")
        }
        self.appendFraming(to: &output)
        Self.appendEnd(self.isEventStream ? Self.eventStreamEnd : Self.end, extra: self.extra, isTLS: self.isTLS, to: &output)
    }

    static func appendDate(_ date: Span<UInt8>, to output: inout OutputSpan<UInt8>) {
        guard !date.isEmpty else { return }
        output.append("Date: ")
        output.appendFieldValue(date)
        output.append("\r\n")
    }

    /// Appends what every head ends with: further fields, those that every response carries, and the empty line.
    static func appendEnd(_ end: StaticString = Self.end, extra: HTTPFields, isTLS: Bool, to output: inout OutputSpan<UInt8>) {
        if !extra.isEmpty { output.append(extra.bytes.span) }
        if isTLS { output.append("Strict-Transport-Security: max-age=63072000\r\n") }
        output.append(end)
    }

    private func appendFraming(to output: inout OutputSpan<UInt8>) {
        var keepAlive = self.keepAlive
        switch self.framing {
        case .length(let length):
            precondition(length >= 0, "negative body length")
            output.append("Content-Length: ")
            output.append(decimal: UInt64(length))
            output.append("\r\n")
        case .chunked:
            precondition(self.requestMinorVersion > 0, "HTTP/1.0 does not know the chunked coding")
            output.append("Transfer-Encoding: chunked\r\n")
        case .untilClose: keepAlive = false
        case .none:
            if self.status != 204 && self.status != 304 { output.append("Content-Length: 0\r\n") }
        }
        if !keepAlive {
            output.append("Connection: close\r\n")
        } else if self.requestMinorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
    }

    /// Bytes of a head without its variable values, rounded up.
    static var ownBytesMax: Int { 640 }

    /// The fields that every response carries, and the end of the head.
    static var end: StaticString {
        """
        Cache-Control: no-store\r
        X-Content-Type-Options: nosniff\r
        Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r
        Referrer-Policy: no-referrer\r
        Cross-Origin-Resource-Policy: same-origin\r
        \r\n
        """
    }

    /// The same for event streams: `no-cache` is what clients and proxies look for, `no-transform` keeps compressors from holding
    /// events.
    private static var eventStreamEnd: StaticString {
        """
        Cache-Control: no-store, no-cache, no-transform\r
        X-Accel-Buffering: no\r
        X-Content-Type-Options: nosniff\r
        Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r
        Referrer-Policy: no-referrer\r
        Cross-Origin-Resource-Policy: same-origin\r
        \r\n
        """
    }

    /// Appends the interim response that asks for the body (RFC 9110 15.2.1). Sent once the request is allowed, never before.
    public static func appendContinue(to output: inout [UInt8]) {
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
    }
}

/// The media types of our answers.
public enum HTTPContentType {
    public static var json: StaticString { "application/json" }
    public static var eventStream: StaticString { "text/event-stream" }
}
