import Testing
import Wire

/// Request target and Host: security table "target/Host".
@Suite struct HTTPTargetTests {
    @Test(
        arguments: [
            ("/", "/", nil), ("/mcp", "/mcp", nil), ("/mcp?", "/mcp", ""), ("/mcp?a=b?c/d", "/mcp", "a=b?c/d"),
            ("//x//", "//x//", nil),
            ("/%2e%2E/%00", "/%2e%2E/%00", nil), ("/a;b=c,d:@!$&'()*+", "/a;b=c,d:@!$&'()*+", nil), ("/-._~", "/-._~", nil),
            ("/../etc", "/../etc", nil), ("/x?%41", "/x", "%41"),
            ("http://localhost/mcp?x", "/mcp", "x"), ("HTTP://LOCALHOST/mcp", "/mcp", nil), ("https://localhost/", "/", nil),
        ] as [(String, String, String?)])
    func `a target is split but neither decoded nor normalised`(target: String, path: String, query: String?) throws {
        let head = try #require(HTTPTranscript.of(request("GET", target)).heads.first)
        #expect(head.target == target && head.path == path && head.query == query)
    }

    @Test(arguments: [
        "", "mcp", "*", "?x", "#", "/#frag", "/mcp#", "/a\\b", "/\u{E9}", "/a|b", "/a<b", "/a>b", "/a\"b", "/a`b", "/a^b",
        "/a{b}",
        "/[", "/a b",
        "/%", "/%4", "/%4g", "/%zz", "/x?%", "/x?%4", "/x?#", "/x?[", "/x?\\", " /", "/ ", "/a\tb", "/x?a\tb", "http://",
        "http:///x",
        "http://localhost", "http://localhost?x", "ftp://localhost/", "localhost:80", "http:/localhost/",
        "//localhost/\u{C0}\u{AF}",
        "/\u{2028}", "https://localhost",
    ])
    func `a malformed target is refused`(target: String) {
        #expect(HTTPTranscript.of(request("GET", target)).events == [.refused(.malformedTarget)])
    }

    @Test func `the asterisk is for OPTIONS`() throws {
        let head = try #require(HTTPTranscript.of(request("OPTIONS", "*")).heads.first)
        #expect(head.path == "*" && head.query == nil)
        #expect(HTTPTranscript.of(request("OPTIONS", "**")).refusal == .malformedTarget)
        #expect(HTTPTranscript.of(request("POST", "*")).refusal == .malformedTarget)
    }

    @Test(arguments: [
        "http://other/mcp", "http://localhost:80/mcp", "http://localhos/mcp", "http://localhost./mcp",
        "http://user@localhost/mcp",
        "http://localhost%00/mcp", "http://a,localhost/mcp", "http://evil#localhost/mcp", "http://localhost?/mcp",
    ])
    func `an absolute target has the authority of Host`(target: String) {
        #expect(HTTPTranscript.of(request("GET", target)).events == [.refused(.foreignTarget)])
    }

    @Test func `an absolute target without Host is refused on HTTP 1.0`() {
        #expect(HTTPTranscript.of("GET http://a/ HTTP/1.0\r\n\r\n").events == [.refused(.foreignTarget)])
        #expect(HTTPTranscript.of("GET http://a/ HTTP/1.0\r\nHost: a\r\n\r\n").refusal == nil)
    }

    @Test func `each byte is allowed in a path exactly if the grammar says so`() {
        let allowed = Set("-._~!$&'()*+,;=:@/?0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max {
            for start in ["/", "/?"] {
                let bytes = Array("GET \(start)".utf8) + [byte] + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                #expect((HTTPTranscript(bytes, ends: [bytes.count]).refusal == nil) == allowed.contains(byte), "\(byte)")
            }
        }
    }

    @Test(arguments: [
        "localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8000", "a.b-c_d~e", "EXAMPLE.org.", "x:0",
        "x:65535",
        "[2001:db8::8:800:200c:417a]", "[1:2:3:4:5:6:7:8]", "[::ffff:192.0.2.1]", "[1:2:3:4:5:6:192.0.2.1]", "[1::]", "[::]",
        "[fe80::1:2]",
        "a%41b", "a!$&'()*+;=b", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]",
    ])
    func `a Host of the grammar passes`(host: String) throws {
        let head = try #require(HTTPTranscript.of("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").heads.first)
        #expect(head.recognised[.host] == host)
    }

    @Test(arguments: [
        "", " ", "a/b", "a?b", "a#b", "user@a", "a:b@c", "a,b", "a b", "a, a", "a:", ":80", "a:80:80", "a:65536", "a:999999",
        "a:+80", "a:8 0",
        "a:-1", "a:0x50", "[::1", "::1", "[]", "[:]", "[1]", "[::1]x", "[::1]:", "[:::]", "[1::2::3]", "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]",
        "[12345::]", "[g::]", "[::1%25eth0]", "[::1%eth0]", "[v1.x]", "[1:2:3:4:5:6:7:8::]", "[::1.2.3]", "[::1.2.3.4.5]",
        "[::256.1.1.1]",
        "[::01.1.1.1]", "[::1.2.3.]", "[1.2.3.4]", "[::1.2.3.4:5]", "[:1::]", "[1:]", "[1::2:]", "a\\b", "a|b", "a\"b", "a<b",
        "a%4", "a%zz",
        "a[b]", "http://a", "[::1]]", "[1:2:3:4:5:6:7:192.0.2.1]", "[1:2:3:4:5:6::192.0.2.1:1]",
    ])
    func `a Host outside the grammar is refused`(host: String) {
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").events == [.refused(.malformedHost)])
        #expect(HTTPTranscript.of("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n").events == [.refused(.malformedHost)])
    }

    @Test func `each byte is judged alike at every offset of a host`() {
        let allowed = Set("-._~!$&'()*+;=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for offset in 0..<19 {
            for byte in UInt8(0x21)...UInt8.max where byte != 0x3A {
                var host = [UInt8](repeating: UInt8(ascii: "h"), count: 19)
                host[offset] = byte
                let bytes = Array("GET / HTTP/1.1\r\nHost: ".utf8) + host + Array("\r\n\r\n".utf8)
                let isValid = HTTPTranscript(bytes, ends: [bytes.count]).refusal == nil
                #expect(isValid == allowed.contains(byte), "\(byte) at \(offset)")
            }
        }
    }

    @Test func `a missing or a second Host is refused`() {
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\n\r\n").events == [.refused(.missingHost)])
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").events == [.refused(.repeatedField)])
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n").events == [.refused(.repeatedField)])
        #expect(HTTPTranscript.of("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").events == [.refused(.repeatedField)])
    }
}
