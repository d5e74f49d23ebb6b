import Base
import Testing

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

    @Test func `a mapped IPv4 address is the IPv4 address, and only 0 or nothing is unspecified`() {
        #expect(IPAddress(high: 0, low: 0xFFFF_0A00_0001) == IPAddress(v4: 0x0A00_0001))
        #expect(IPAddress.unspecifiedV4.isUnspecified)
        #expect(IPAddress.unspecifiedV6.isUnspecified)
        #expect(!IPAddress.loopbackV4.isUnspecified)
        #expect(!IPAddress.loopbackV6.isUnspecified)
    }

    @Test func `an IPv6 literal is read from bytes, an IPv4 one is not`() {
        #expect(IPAddress(v6: [UInt8]("::1".utf8).span) == .loopbackV6)
        #expect(IPAddress(v6: [UInt8]("127.0.0.1".utf8).span) == nil)
        #expect(IPAddress(v6: [UInt8](repeating: 0x3A, count: 46).span) == nil)
    }
}
