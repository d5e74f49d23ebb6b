import Base
import Testing
import Wire

@Suite struct HTTPResponseTests {
    private static let security = """
        X-Content-Type-Options: nosniff\r
        Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r
        Referrer-Policy: no-referrer\r
        Cross-Origin-Resource-Policy: same-origin\r
        \r\n
        """

    private static func written(_ head: HTTPResponseHead, date: String = "") -> String {
        var output: [UInt8] = []
        head.append(to: &output, date: Array(date.utf8).span)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `a response is written in full`() {
        var extra = HTTPFields()
        extra.append("Mcp-Session-Id", Array("abc".utf8).span)
        extra.append("Retry-After", decimal: 5)
        extra.append("Vary", "Origin")
        let head = HTTPResponseHead(status: 200, contentType: HTTPContentType.json, framing: .length(12), extra: extra)
        let expected = """
            HTTP/1.1 200 OK\r
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r
            Content-Type: application/json\r
            Content-Length: 12\r
            Mcp-Session-Id: abc\r
            Retry-After: 5\r
            Vary: Origin\r
            Cache-Control: no-store\r\n
            """
        #expect(Self.written(head, date: "Sun, 06 Nov 1994 08:49:37 GMT") == expected + Self.security)
    }

    @Test func `an event stream is chunked, unbuffered and untransformed`() {
        let expected = """
            HTTP/1.1 200 OK\r
            Content-Type: text/event-stream\r
            Transfer-Encoding: chunked\r
            Cache-Control: no-store, no-cache, no-transform\r
            X-Accel-Buffering: no\r\n
            """
        #expect(Self.written(.eventStream()) == expected + Self.security)
    }

    @Test func `an event stream for HTTP 1.0 ends with its connection`() {
        let written = Self.written(.eventStream(requestMinorVersion: 0))
        #expect(written.contains("Connection: close\r\n"))
        #expect(!written.contains("Transfer-Encoding"))
        #expect(!written.contains("Content-Length"))
    }

    @Test(arguments: [
        (202, true, false), (200, true, false), (404, true, false), (204, false, false), (304, false, false),
    ])
    func `no body means length zero unless a length is forbidden`(status: Int, hasLength: Bool, closes: Bool) {
        let written = Self.written(HTTPResponseHead(status: status, framing: .none))
        #expect(written.contains("Content-Length: 0\r\n") == hasLength)
        #expect(written.contains("Connection: close\r\n") == closes)
    }

    @Test func `the connection field says what differs from the version's rule`() {
        var head = HTTPResponseHead(status: 200, framing: .none, keepAlive: true)
        #expect(!Self.written(head).contains("Connection"))
        head.requestMinorVersion = 0
        #expect(Self.written(head).contains("Connection: keep-alive\r\n"))
        head.keepAlive = false
        #expect(Self.written(head).contains("Connection: close\r\n"))
        head.isTLS = true
        #expect(Self.written(head).contains("Strict-Transport-Security: max-age=63072000\r\n"))
    }

    @Test func `no output field can begin a line of its own`() {
        var extra = HTTPFields()
        extra.append("X-A", Array("a\r\nSet-Cookie: x\u{0}\t\u{7F}b".utf8).span)
        extra.append("X-B", "c\r\nX: y")
        let head = HTTPResponseHead(status: 200, contentType: "text/plain\r\nX: y", framing: .none, extra: extra)
        let written = Self.written(head, date: "now\r\nX: y")
        #expect(written.contains("X-A: a??Set-Cookie: x???b\r\n"))
        #expect(written.contains("X-B: c??X: y\r\n"))
        #expect(written.contains("Content-Type: text/plain??X: y\r\n"))
        #expect(written.contains("Date: now??X: y\r\n"))
    }

    @Test func `a status without a phrase keeps its number`() {
        #expect(Self.written(HTTPResponseHead(status: 299, framing: .none)).hasPrefix("HTTP/1.1 299 \r\n"))
        #expect(
            Self.written(HTTPResponseHead(status: 431, framing: .none)).hasPrefix(
                "HTTP/1.1 431 Request Header Fields Too Large\r\n"))
    }

    @Test func `the interim response is one line`() {
        var output: [UInt8] = []
        HTTPResponseHead.appendContinue(to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
    }

    @Test func `a chunk carries its size in eight digits`() {
        var output: [UInt8] = []
        HTTPChunk.append(Array("hello".utf8).span, to: &output)
        HTTPChunk.append([UInt8]().span, to: &output)
        HTTPChunk.append([UInt8](repeating: 0x78, count: 0x1AB).span, to: &output)
        HTTPChunk.appendLast(to: &output)
        let body = String(repeating: "x", count: 0x1AB)
        #expect(String(decoding: output, as: UTF8.self) == "00000005\r\nhello\r\n000001ab\r\n\(body)\r\n0\r\n\r\n")
    }

    @Test func `a chunk written in place is sized at its end, and an empty one taken back`() {
        var output = Array("before".utf8)
        let empty = HTTPChunk.begin(into: &output)
        HTTPChunk.end(empty, into: &output)
        #expect(output == Array("before".utf8))
        let mark = HTTPChunk.begin(into: &output)
        output.append("0123456789abcdef")
        HTTPChunk.end(mark, into: &output)
        #expect(output == Array("before00000010\r\n0123456789abcdef\r\n".utf8))
    }

    @Test func `the decoder reads what the chunk writer writes`() {
        var body: [UInt8] = []
        for size in [1, 15, 16, 255, 256, 4_096] { HTTPChunk.append([UInt8](repeating: 0x61, count: size).span, to: &body) }
        HTTPChunk.appendLast(to: &body)
        let bytes = Array(request("POST", "/", "Transfer-Encoding: chunked").utf8) + body
        #expect(HTTPTranscript.of(bytes).bodies == [String(repeating: "a", count: 1 + 15 + 16 + 255 + 256 + 4_096)])
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_785_196_800, "Tue, 28 Jul 2026 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)])
    func `a date is an IMF-fixdate`(seconds: Int64, text: String) {
        var output: [UInt8] = []
        HTTPDate.append(unixSeconds: seconds, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == text)
        #expect(output.count == HTTPDate.byteCount)
    }
}
