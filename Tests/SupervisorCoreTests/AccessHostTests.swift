import Base
import Testing
import Wire

@testable import SupervisorCore

@Suite struct HostPortTests {
    @Test(arguments: [
        ("localhost", "localhost", UInt16?.none), ("localhost:8000", "localhost", 8000), ("127.0.0.1:1", "127.0.0.1", 1),
        ("[::1]", "[::1]", nil), ("[::1]:65535", "[::1]", 65535), ("a_b-c.Example:80", "a_b-c.Example", 80),
    ])
    func `host and port are told apart`(text: String, host: String, port: UInt16?) throws {
        let bytes = [UInt8](text.utf8)
        let read = HostPort(bytes.span, ByteRange(0, bytes.count))
        let parts = try #require(read)
        #expect(String(decoding: bytes[parts.host.range], as: UTF8.self) == host)
        #expect(parts.port == port)
    }

    @Test(arguments: [
        "", ":", ":80", "a:", "a:0", "a:080", "a:65536", "a:+1", "a:8x", "a:80:80", "a b", "a/b", "a@b", "a?b", "a#b", "a,b",
        "a%41", "a\\b",
        "[::1", "::1", "[::1]x", "[::1]:", "[]", "[127.0.0.1]", "[::1%lo]", "a\0b", "ä", "user@a:80", "a\u{212A}",
    ])
    func `anything else is refused`(text: String) {
        let bytes = [UInt8](text.utf8)
        let parts = HostPort(bytes.span, ByteRange(0, bytes.count))
        #expect(parts == nil)
    }
}

@Suite struct HostRulesTests {
    private static func allows(_ host: String, _ listeners: [String], names: [String] = ["auto"]) throws -> Bool {
        let settings = HostSettings(includesListeners: names.contains("auto"), names: names.filter { $0 != "auto" })
        let rules = HostRules(settings, listeners: try listeners.flatMap { try ListenAddress.parse($0) })
        let bytes = [UInt8]("xx\(host)".utf8)
        return rules.allows(bytes.span, host: ByteRange(2, bytes.count))
    }

    @Test(arguments: [
        ("localhost", true), ("localhost:8000", true), ("LOCALHOST:8000", true), ("127.0.0.1", true), ("127.0.0.1:8000", true),
        ("[::1]", true), ("[::1]:8000", true), ("localhost:8001", false), ("localhost:", false), ("localhost.", false),
        ("localhost.evil.example", false), ("evil.example", false), ("evil.example:8000", false), ("127.0.0.2", false),
        ("127.0.0.1:80", false), ("0.0.0.0:8000", false), ("[::]:8000", false), ("", false), ("localhost:8000:8000", false),
        ("localhost:08000", false), ("user@localhost", false), ("localhost,evil", false), ("loca\u{212A}host", false),
    ])
    func `a loopback listener answers to its own names only`(host: String, isAllowed: Bool) throws {
        #expect(try Self.allows(host, ["127.0.0.1:8000"]) == isAllowed)
    }

    @Test(arguments: [
        ("192.0.2.1", true), ("192.0.2.1:8000", true), ("192.0.2.1:1", false), ("localhost:8000", false), ("[2001:db8::1]", true),
        ("[2001:db8::1]:9000", true), ("[2001:DB8::1]:9000", true), ("[2001:db8:0::1]:9000", false),
    ])
    func `another listener answers to its address`(host: String, isAllowed: Bool) throws {
        #expect(try Self.allows(host, ["192.0.2.1:8000", "[2001:db8::1]:9000"]) == isAllowed)
    }

    @Test(arguments: [
        ("mcp.example.com", true), ("mcp.example.com:443", true), ("MCP.example.com", true), ("api.example.com:8443", true),
        ("api.example.com", false), ("x.mcp.example.com", false), ("mcp.example.com.", false), ("mcp.example.com/", false),
        ("mcp.example.com:x", false), ("localhost", false),
    ])
    func `configured names are exact, with any port unless one is given`(host: String, isAllowed: Bool) throws {
        #expect(try Self.allows(host, ["127.0.0.1:8000"], names: ["mcp.example.com", "api.example.com:8443"]) == isAllowed)
    }

    @Test func `a listener on every address has no name`() throws {
        #expect(try !Self.allows("0.0.0.0:8000", ["0.0.0.0:8000"]))
        #expect(try !Self.allows("localhost:8000", ["0.0.0.0:8000"]))
        #expect(try Self.allows("localhost", ["unix:/run/x"]))
    }

    @Test func `a request without Host is no browser`() {
        let bytes: [UInt8] = []
        let isAllowed = AccessPolicy().allowsHost(bytes.span, nil)
        #expect(isAllowed)
    }
}

@Suite struct OriginRulesTests {
    private static func verdict(_ origin: String?, listed: [String] = []) -> OriginVerdict {
        let hosts = HostRules(HostSettings(includesListeners: true, names: []), listeners: Configuration.standard.listeners)
        let cors = CORSSettings(origins: listed, allowsCredentials: false, age: .minutes(10))
        let bytes = [UInt8]((origin ?? "").utf8)
        return OriginRules(cors, hosts: hosts).verdict(bytes.span, origin: origin.map { _ in ByteRange(0, bytes.count) })
    }

    @Test(
        arguments: [
            (nil, OriginVerdict.absent), ("http://localhost:8000", .own), ("https://localhost:8000", .own),
            ("http://127.0.0.1:8000", .own),
            ("http://[::1]:8000", .own), ("http://localhost", .own), ("http://localhost:3000", .refused), ("null", .refused),
            ("", .refused),
            ("http://evil.example", .refused), ("https://app.example.com", .listed), ("https://app.example.com:443", .refused),
            ("http://app.example.com", .refused), ("https://APP.example.com", .refused), ("https://app.example.com/", .refused),
            ("https://app.example.com.evil.example", .refused), ("file://", .refused), ("http://", .refused),
            ("ws://localhost:8000", .refused),
            ("http://localhost:8000/", .refused), ("http://localhost:8000@evil.example", .refused),
            ("http://evil.example#localhost", .refused),
            ("http://localhost:8000 http://evil.example", .refused), ("HTTP://localhost:8000", .refused), ("*", .refused),
        ] as [(String?, OriginVerdict)])
    func `a page is our own, listed, or refused`(origin: String?, verdict: OriginVerdict) {
        #expect(Self.verdict(origin, listed: ["https://app.example.com"]) == verdict)
    }
}

@Suite struct CORSRulesTests {
    private static func settings(_ origins: [String], credentials: Bool = false) -> CORSSettings {
        CORSSettings(origins: origins, allowsCredentials: credentials, age: .minutes(10))
    }

    private static func lines(_ fields: HTTPFields) -> [String] {
        String(decoding: fields.bytes, as: UTF8.self).split(separator: "\r\n").map { String($0) }
    }

    @Test func `without origins no field is ever sent`() {
        let rules = CORSRules(Self.settings([]))
        let origin = [UInt8]("https://app.example.com".utf8)
        var fields = HTTPFields()
        rules.appendFields(origin: origin.span, to: &fields)
        rules.appendPreflightFields(requested: nil, to: &fields)
        #expect(fields.isEmpty)
    }

    @Test func `the listed origin is echoed, never a star`() {
        let origin = [UInt8]("https://app.example.com".utf8)
        var fields = HTTPFields()
        CORSRules(Self.settings(["https://app.example.com"], credentials: true)).appendFields(origin: origin.span, to: &fields)
        #expect(
            Self.lines(fields) == [
                "Vary: Origin", "Access-Control-Allow-Origin: https://app.example.com", "Access-Control-Allow-Credentials: true",
                "Access-Control-Expose-Headers: MCP-Session-Id, MCP-Protocol-Version, WWW-Authenticate",
            ])
    }

    @Test func `answers to others vary too and carry no permission`() {
        var fields = HTTPFields()
        CORSRules(Self.settings(["https://app.example.com"])).appendFields(origin: nil, to: &fields)
        #expect(Self.lines(fields) == ["Vary: Origin"])
    }

    @Test(arguments: [
        ("", ""), ("content-type, mcp-param-region", ", mcp-param-region"),
        ("Mcp-Param-A,Mcp-Param-B", ", Mcp-Param-A, Mcp-Param-B"),
        ("mcp-param-", ""), ("mcp-param-a b, x-other", ""), ("mcp-param-a\r\nSet-Cookie: x", ""), ("mcp-param-ä", ""),
        ("*", ""), (String(repeating: ",", count: 5_000), ""),
    ])
    func `a preflight repeats parameter names and nothing else`(requested: String, added: String) {
        let bytes = [UInt8](requested.utf8)
        var fields = HTTPFields()
        CORSRules(Self.settings(["https://app.example.com"])).appendPreflightFields(requested: bytes.span, to: &fields)
        #expect(
            Self.lines(fields) == [
                "Access-Control-Allow-Methods: GET, POST, DELETE",
                "Access-Control-Allow-Headers: Authorization, Content-Type, Accept, MCP-Protocol-Version, MCP-Session-Id, "
                    + "Last-Event-ID, Mcp-Method, Mcp-Name\(added)",
                "Access-Control-Max-Age: 600",
            ])
    }

    @Test func `a preflight with too many names is cut short`() {
        let requested = [UInt8]((0..<100).map { "mcp-param-\($0)" }.joined(separator: ",").utf8)
        var fields = HTTPFields()
        CORSRules(Self.settings(["https://app.example.com"])).appendPreflightFields(requested: requested.span, to: &fields)
        #expect(Self.lines(fields)[1].hasSuffix(", mcp-param-31"))
    }
}
