import Base
import Testing

@testable import SupervisorCore

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::1", "::1"), ("::", "::"),
        ("2001:DB8::1", "2001:db8::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("fe80::", "fe80::"), ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:7f00:1", "127.0.0.1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func `a literal is read and written in one spelling`(text: String, written: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == written)
        #expect(IPAddress(written) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.-1", "1.2.3.4 ", "0x7f.0.0.1", "2130706433", ":", ":::",
        "1::2::3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "-0::", "+1::", "fe80::1%eth0", "::1.2.3",
        "1.2.3.4::", "[::1]", "::ffff:1.2.3.4:1",
    ])
    func `nothing else is an address`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
        ("0.0.0.0", false),
        ("::", false), ("::2", false), ("::127.0.0.1", false), ("1::1", false),
    ])
    func `loopback is 127/8 and ::1`(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == isLoopback)
    }

    @Test func `a source is an IPv4 address or an IPv6 network`() throws {
        let first = try #require(IPAddress("2001:db8:0:7:1::1")).network
        let second = try #require(IPAddress("2001:db8:0:7:ffff::9")).network
        let other = try #require(IPAddress("2001:db8:0:8::1")).network
        #expect(first == second)
        #expect(first != other)
        #expect(try #require(IPAddress("192.0.2.1")).network != IPAddress("192.0.2.2")?.network)
    }
}

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
