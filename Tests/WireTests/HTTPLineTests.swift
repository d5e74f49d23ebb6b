import Testing
import Wire

/// Line ends, control bytes and the request line: security table "line ends", "headers" and "method/version".
@Suite struct HTTPLineTests {
    @Test(arguments: [
        "\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n", "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET /\n / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\n z\r\n\r\n",
    ])
    func `a bare LF is refused as soon as it is seen`(text: String) {
        #expect(HTTPTranscript.of(text).events == [.refused(.bareLineFeed)])
    }

    @Test(arguments: [
        "\rG", "GET / HTTP/1.1\rX", "GET / HTTP/1.1\r\r\n", "GET / HTTP/1.1\r\nHost: a\r\rb", "GET / HTTP/1.1\r\nHost: a\r\n\rX",
        "GET /\r / HTTP/1.1",
    ])
    func `a bare CR is refused with the byte after it`(text: String) {
        #expect(HTTPTranscript.of(text).events == [.refused(.bareCarriageReturn)])
    }

    @Test func `every other control byte is refused everywhere in the head`() {
        for byte in UInt8.min...UInt8.max where (byte < 0x20 || byte == 0x7F) && ![0x09, 0x0A, 0x0D].contains(byte) {
            let places: [String] = ["", "GE", "GET ", "GET /mcp", "GET /mcp HTTP/1.1\r\nX", "GET /mcp HTTP/1.1\r\nX: some value"]
            for place in places {
                let refusal = HTTPTranscript.of(Array(place.utf8) + [byte]).refusal
                #expect(refusal == .controlByte, "\(byte) after \(place)")
            }
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31])
    func `a control byte is found at every offset of a word`(length: Int) {
        for value: UInt8 in [0x21, 0x7E, 0x80, 0xFF, 0x20, 0xA0] {
            for control: UInt8 in [0x00, 0x1F, 0x7F] {
                let start = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
                let line = start + [UInt8](repeating: value, count: length) + [control, value, value] + Array("\r\n\r\n".utf8)
                #expect(HTTPTranscript(line, ends: [line.count]).refusal == .controlByte)
                #expect(HTTPTranscript(line, ends: Array(1...line.count)).refusal == .controlByte)
            }
        }
    }

    @Test(arguments: [
        "GET /\r\n", "GET\r\n", "\r\n\r\n", "GET /mcp\r\n", "/ HTTP/1.1\r\n", "GET HTTP/1.1\r\n", "HTTP/1.1\r\n",

        "GET/ HTTP/1.1\r\n",
    ])
    func `a request line without its three parts is refused`(text: String) {
        #expect(HTTPTranscript.of(text).events == [.refused(.malformedRequestLine)])
    }

    @Test(arguments: [
        ("HTTP/2.0", HTTPRefusal.unsupportedVersion), ("HTTP/0.9", .unsupportedVersion), ("HTTP/1.2", .unsupportedVersion),
        ("HTTP/1.9", .unsupportedVersion), ("HTTP/3.0", .unsupportedVersion), ("HTTP/1.32", .malformedVersion),
        ("HTTP/11", .malformedVersion), ("HTTP/1,1", .malformedVersion), ("http/1.1", .malformedVersion),
        ("HTTP/1.1 ", .malformedVersion),
        ("HTTP/+1.1", .malformedVersion), ("HTTP/1.", .malformedVersion), ("HTTP/01.1", .malformedVersion),
        ("RTSP/1.0", .malformedVersion),
        ("HTTP/1.x", .malformedVersion), ("HTTP/x.1", .malformedVersion),
    ])
    func `only HTTP 1.1 and 1.0 pass`(version: String, refusal: HTTPRefusal) {
        #expect(HTTPTranscript.of("GET / \(version)\r\nHost: a\r\n\r\n").events == [.refused(refusal)])
    }

    @Test func `the preface of HTTP 2 is refused as a version`() {
        #expect(HTTPTranscript.of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").events == [.refused(.unsupportedVersion)])
    }

    @Test(arguments: [
        ("get", HTTPRefusal.unknownMethod), ("Get", .unknownMethod),
        ("GE", .unknownMethod), ("GETT", .unknownMethod), ("PROPFIND", .unknownMethod), ("POSTS", .unknownMethod),
        ("trace", .unknownMethod),
        ("QUERY", .unknownMethod), ("M-SEARCH", .unknownMethod), ("", .malformedMethod), ("G@T", .malformedMethod),
        ("GET\t", .malformedMethod), ("G\u{212A}T", .malformedMethod), ("\"GET\"", .malformedMethod), ("GET:", .malformedMethod),
    ])
    func `a method outside the table is refused`(method: String, refusal: HTTPRefusal) {
        #expect(HTTPTranscript.of("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n").events == [.refused(refusal)])
    }

    @Test(arguments: ["TRACE /", "CONNECT /", "CONNECT a", "CONNECT a:80", "CONNECT [::1]:80"])
    func `of TRACE and CONNECT the head is read and nothing more`(start: String) throws {
        let host = start.dropFirst(8).isEmpty || start.hasSuffix("/") ? "a" : String(start.dropFirst(8))
        let transcript = HTTPTranscript.of("\(start) HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 2\r\n\r\n{}")
        #expect(transcript.heads.first?.method.isForbidden == true)
        #expect(transcript.events.count == 2 && transcript.refusal == .forbiddenMethod)
    }

    @Test(arguments: ["CONNECT a/b", "CONNECT a@b", "CONNECT a:x", "TRACE a:80", "TRACE *"])
    func `a target that its method cannot have is malformed`(start: String) {
        #expect(HTTPTranscript.of("\(start) HTTP/1.1\r\nHost: a\r\n\r\n").refusal == .malformedTarget)
    }

    @Test func `CONNECT must name its Host`() {
        for target in ["a:80", "*"] {
            #expect(HTTPTranscript.of("CONNECT \(target) HTTP/1.1\r\nHost: b:80\r\n\r\n").refusal == .foreignTarget)
        }
    }

    /// Whoever holds the connection checks first what comes first for it: hosts, origins, credentials.
    @Test(arguments: [
        ("Content-Length: 4194305", HTTPRefusal.bodyTooLarge), ("Content-Encoding: gzip", .encodedContent),
        ("Expect: x", .unknownExpectation),
    ])
    func `a well-formed head is given before it is refused for what it announces`(line: String, refusal: HTTPRefusal) {
        let transcript = HTTPTranscript.of(request("POST", "/mcp", line) + "{}")
        #expect(transcript.events.count == 2 && transcript.heads.first?.path == "/mcp")
        #expect(transcript.heads.first?.expectsContinue == false)
        #expect(transcript.refusal == refusal)
    }

    @Test func `nobody is told to go on with a body that is refused`() {
        let text = request("POST", "/", "Expect: 100-continue", "Content-Length: 9999999999")
        #expect(HTTPTranscript.of(text).heads.first?.expectsContinue == false)
    }

    @Test func `a space before the request line is refused`() {
        #expect(HTTPTranscript.of(" GET / HTTP/1.1\r\nHost: a\r\n\r\n").refusal == .malformedMethod)
        #expect(HTTPTranscript.of("\tGET / HTTP/1.1\r\nHost: a\r\n\r\n").refusal == .malformedMethod)
    }

    @Test func `each refusal has a final status and a reason`() {
        for refusal in HTTPRefusal.allCases {
            #expect([400, 405, 413, 414, 415, 417, 431, 501, 505].contains(refusal.status))
            #expect(refusal.reason.utf8CodeUnitCount > 10)
        }
    }
}
