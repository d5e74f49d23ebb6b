import Base
import Testing
import Wire

@Suite struct HTTPRequestDecoderTests {
    @Test func `a request without a body gives its head and its end`() {
        let transcript = HTTPTranscript.of(request("GET", "/mcp?x=1", "Accept: text/event-stream"))
        let head = HTTPTranscript.Head(
            method: .get, target: "/mcp?x=1", path: "/mcp", query: "x=1", accepts: .eventStream,
            fields: [.init(name: "Host", value: "localhost"), .init(name: "Accept", value: "text/event-stream")],
            recognised: [.host: "localhost", .accept: "text/event-stream"])
        #expect(transcript.events == [.head(head), .request(body: "")])
        #expect(transcript.leftover == 0)
    }

    @Test func `a length frames the body and pipelined requests follow`() {
        let one = request("POST", "/mcp", "Content-Length: 5") + "hello"
        let two = request("POST", "/mcp", "Content-Length: 2") + "{}"
        let transcript = HTTPTranscript.of(one + two + request("DELETE"))
        #expect(transcript.bodies == ["hello", "{}", ""])
        #expect(transcript.heads.map(\.body) == [.length(5), .length(2), .none])
        #expect(transcript.heads.map(\.method) == [.post, .post, .delete])
    }

    @Test func `an incomplete request stays in front`() {
        let text = request("POST", "/mcp", "Content-Length: 5") + "hell"
        #expect(HTTPTranscript.of(text).leftover == text.utf8.count)
        #expect(HTTPTranscript.of(text).events.count == 1)
    }

    @Test(arguments: ["0", "5", "17", "1048576"])
    func `a length is read as decimal`(length: String) throws {
        let transcript = HTTPTranscript.of(request("POST", "/mcp", "Content-Length: \(length)"))
        let head = try #require(transcript.heads.first)
        let value = try #require(Int(length))
        #expect(head.body == (value == 0 ? .none : .length(value)))
    }

    @Test(arguments: HTTPMethod.allCases)
    func `every method of the table is known`(method: HTTPMethod) {
        #expect(HTTPTranscript.of(request("\(method.name)")).heads.map(\.method) == [method])
    }

    @Test func `one empty line before a request is passed over`() {
        let transcript = HTTPTranscript.of("\r\n" + request("GET") + "\r\n" + request("GET"))
        #expect(transcript.bodies.count == 2)
        #expect(HTTPTranscript.of("\r\n\r\n" + request("GET")).refusal == .malformedRequestLine)
    }

    @Test func `an empty line alone is not yet a request`() throws {
        var decoder = HTTPRequestDecoder()
        guard case .needMore = try decoder.decode([0x0D, 0x0A].span) else { Issue.record("not needMore"); return }
        #expect(decoder.isBetweenRequests)
        guard case .needMore = try decoder.decode([0x0D, 0x0A, 0x47].span) else { Issue.record("not needMore"); return }
        #expect(!decoder.isBetweenRequests)
    }

    @Test func `the head stays known until the next request`() throws {
        var decoder = HTTPRequestDecoder()
        let bytes = Array(request("POST", "/mcp", "Content-Length: 1").utf8)
        #expect(decoder.head == nil)
        _ = try decoder.decode(bytes.span)
        #expect(decoder.head?.body == .length(1))
        guard case .needMore = try decoder.decode(bytes.span) else { Issue.record("not needMore"); return }
        guard case .request(.inline(let body), let consumed) = try decoder.decode((bytes + [0x78]).span) else {
            Issue.record("not an inline body")
            return
        }
        #expect(body == ByteRange(bytes.count, bytes.count + 1) && consumed == bytes.count + 1)
        #expect(decoder.head?.method == .post)
        _ = try decoder.decode([UInt8]().span)
        #expect(decoder.head == nil)
    }

    @Test func `a refusal is final`() {
        var decoder = HTTPRequestDecoder()
        #expect(throws: HTTPRefusal.bareLineFeed) { try decoder.decode([0x0A].span) }
        let good = Array(request("GET").utf8)
        #expect(throws: HTTPRefusal.bareLineFeed) { try decoder.decode(good.span) }
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "Connection: close", false), ("1.1", "Connection: Close", false),
        ("1.1", "Connection: keep-alive", true),
        ("1.1", "Connection: foo , CLOSE,, bar", false), ("1.1", "Connection: close\r\nConnection: keep-alive", false),
        ("1.0", "", false), ("1.0", "Connection: keep-alive", true), ("1.0", "Connection: Keep-Alive, close", false),
    ])
    func `the connection is kept as version and options say`(version: String, line: String, isKept: Bool) {
        let lines = line.isEmpty ? "" : line + "\r\n"
        let transcript = HTTPTranscript.of("GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n")
        #expect(transcript.heads.map(\.keepAlive) == [isKept])
    }

    @Test func `an HTTP 1.0 request needs no Host`() {
        let transcript = HTTPTranscript.of("POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
        #expect(transcript.heads.map(\.minorVersion) == [0])
        #expect(transcript.bodies == ["hi"])
    }

    @Test func `an upgrade is wanted only with both fields and on HTTP 1.1`() {
        let both = ["Connection: keep-alive, Upgrade", "Upgrade: websocket"]
        #expect(HTTPTranscript.of(request("GET", "/", both[0], both[1])).heads.map(\.wantsUpgrade) == [true])
        #expect(HTTPTranscript.of(request("GET", "/", both[0])).heads.map(\.wantsUpgrade) == [false])
        #expect(HTTPTranscript.of(request("GET", "/", both[1])).heads.map(\.wantsUpgrade) == [false])
        let old = "GET / HTTP/1.0\r\n\(both[0])\r\n\(both[1])\r\n\r\n"
        #expect(HTTPTranscript.of(old).heads.map(\.wantsUpgrade) == [false])
    }

    @Test func `100-continue is reported only when a body is held back`() {
        let expect = "Expect: 100-Continue"
        #expect(
            HTTPTranscript.of(request("POST", "/", expect, "Content-Length: 2") + "hi").heads.map(\.expectsContinue) == [true])
        #expect(HTTPTranscript.of(request("POST", "/", expect, "Content-Length: 0")).heads.map(\.expectsContinue) == [false])
        #expect(HTTPTranscript.of(request("GET", "/", expect)).heads.map(\.expectsContinue) == [false])
        let old = "POST / HTTP/1.0\r\n\(expect)\r\nContent-Length: 2\r\n\r\nhi"
        #expect(HTTPTranscript.of(old).heads.map(\.expectsContinue) == [false])
    }
}
