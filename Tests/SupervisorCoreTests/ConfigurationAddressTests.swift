import Testing

@testable import SupervisorCore

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:8000", "127.0.0.1:8000"), ("[::1]:0", "[::1]:0"), ("localhost:80", "127.0.0.1:80 [::1]:80"),
        ("unix:/run/a.sock", "unix:/run/a.sock"), ("fd:mcp-http", "fd:mcp-http"), ("0.0.0.0:65535", "0.0.0.0:65535"),
    ])
    func `an address is read`(text: String, read: String) throws {
        #expect(try ListenAddress.parse(text).map(\.description).joined(separator: " ") == read)
    }

    @Test(arguments: [
        ("127.0.0.1", ListenAddress.Malformed.portMissing), ("::1:8000", .portMissing), ("[::1]", .portMissing),
        ("8000", .portMissing),
        ("127.0.0.1:", .port), ("127.0.0.1:65536", .port), ("127.0.0.1:+1", .port), ("127.0.0.1:80x", .port),
        ("[127.0.0.1]:80", .address),
        ("[::g]:80", .address), ("[::1:80", .address), (":80", .address), ("1.2.3:80", .address), ("example.com:80", .hostName),
        ("unix:x", .path), ("unix:/\(String(repeating: "x", count: 107))", .path), ("fd:", .name), ("fd:a b", .name),
        ("fd:a:b", .name),
    ])
    func `anything else is refused with its reason`(text: String, reason: ListenAddress.Malformed) {
        #expect(throws: reason) { try ListenAddress.parse(text) }
        #expect(!reason.reason.isEmpty)
    }

    @Test func `only loopback, Unix and inherited sockets are local`() throws {
        let texts = ["127.0.0.1:1", "[::1]:1", "unix:/a", "fd:a", "0.0.0.0:1", "[::]:1", "192.0.2.1:1"]
        #expect(
            try texts.flatMap { try ListenAddress.parse($0) }.map(\.isLocal) == [true, true, true, true, false, false, false])
    }
}
