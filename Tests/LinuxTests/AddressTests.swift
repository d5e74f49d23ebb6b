import Base
import Linux
import Testing

extension KernelTests {
    @Suite struct IPAddressTests {
        @Test(arguments: [
            ("127.0.0.1", IPAddress.loopback4, "127.0.0.1"), ("0.0.0.0", .any4, "0.0.0.0"),
            ("255.1.2.3", .v4(0xFF01_0203), "255.1.2.3"),
            ("::1", .loopback6, "::1"), ("::", .any6, "::"),
            ("2001:DB8:0:0:0:0:0:1", .v6(0x2001_0DB8_0000_0000, 1, scope: 0), "2001:db8::1"),
            ("::ffff:10.0.0.1", .v6(0, 0xFFFF_0A00_0001, scope: 0), "::ffff:10.0.0.1"),
        ])
        func `reads and writes the usual forms`(text: String, address: IPAddress, written: String) {
            #expect(IPAddress(bytes(text).span) == address)
            #expect(address.description == written)
            var output: [UInt8] = []
            address.append(to: &output)
            #expect(output == bytes(written))
        }

        @Test(arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.04x", "01.2.3.4 ", ":::", "[::1]", "::1%lo", "localhost",
            "1.2.3.4\0",
        ])
        func `refuses what is no address`(text: String) {
            #expect(IPAddress(bytes(text).span) == nil)
        }

        @Test func `refuses a text longer than any address`() {
            #expect(IPAddress([UInt8](repeating: 0x31, count: 46).span) == nil)
        }

        @Test func `knows loopback, also when it is mapped`() {
            #expect(IPAddress.v4(0x7F12_3456).isLoopback)
            #expect(IPAddress.loopback6.isLoopback)
            #expect(IPAddress.v6(0, 0xFFFF_7F00_0001, scope: 0).isLoopback)
            for address in [IPAddress.any4, .any6, .v4(0x8000_0001), .v6(0, 0xFFFF_0A00_0001, scope: 0), .v6(1, 1, scope: 0)] {
                #expect(!address.isLoopback)
            }
        }

        @Test func `a mapped address becomes the IPv4 address it stands for`() {
            #expect(IPAddress.v6(0, 0xFFFF_0A00_0001, scope: 0).unmapped == .v4(0x0A00_0001))
            #expect(IPAddress.loopback6.unmapped == .loopback6)
        }

        @Test func `a scope is shown and an IPv6 endpoint has brackets`() {
            let address = IPAddress.v6(0xFE80_0000_0000_0000, 1, scope: 2)
            #expect(IPEndpoint(address, port: 80).description == "[fe80::1%2]:80")
            #expect(IPEndpoint(.loopback4, port: 0).description == "127.0.0.1:0")
        }
    }
}

extension KernelTests {
    @Suite struct ListenAddressTests {
        @Test(arguments: [
            ("127.0.0.1:8000", ListenAddress.ip(IPEndpoint(.loopback4, port: 8000))),
            ("0.0.0.0:0", .ip(IPEndpoint(.any4, port: 0))),
            ("[::1]:65535", .ip(IPEndpoint(.loopback6, port: 65535))), ("unix:/run/a b.sock", .unix(path: "/run/a b.sock")),
            ("fd:mcp-http", .inherited(name: "mcp-http")),
        ])
        func `is written as it is read`(text: String, address: ListenAddress) throws {
            #expect(try ListenAddress(text) == address)
            #expect(address.description == text)
        }

        @Test func `localhost is 127.0.0.1, without asking anybody`() throws {
            #expect(try ListenAddress("localhost:80") == .ip(IPEndpoint(.loopback4, port: 80)))
        }

        @Test(arguments: [
            ("", ListenAddress.ParseError.missingPort), ("127.0.0.1", .missingPort), ("127.0.0.1:", .missingPort),
            ("127.0.0.1:x", .badPort),
            ("127.0.0.1:65536", .badPort), ("127.0.0.1:-1", .badPort), ("127.0.0.1:+1", .badPort), ("127.0.0.1: 1", .badPort),
            (":80", .badHost), ("example.com:80", .badHost), ("[127.0.0.1]:80", .badHost), ("::1:80", .badHost),
            ("[::1:80", .badHost),
            ("unix:", .badPath), ("unix:relative", .badPath), ("unix:/a\0b", .badPath),
            ("unix:/" + String(repeating: "x", count: 107), .badPath),
            ("fd:", .badName), ("fd:a b", .badName), ("fd:a:b", .badName), ("fd:" + String(repeating: "x", count: 256), .badName),
        ])
        func `says what is wrong`(text: String, error: ListenAddress.ParseError) {
            #expect(throws: error) { _ = try ListenAddress(text) }
            #expect(!error.reason.description.isEmpty)
        }

        @Test(arguments: [
            ("127.0.0.1", IPAddress.loopback4), ("::1", .loopback6), ("[::1]", .loopback6), ("::", .any6),
            ("localhost", .loopback4),
        ])
        func `a host alone needs no brackets`(text: String, address: IPAddress) throws {
            #expect(try ListenAddress.host(Substring(text)) == address)
        }
    }
}

extension KernelTests {
    @Suite struct SystemErrorTests {
        @Test func `names the call, the meaning and the symbol`() {
            #expect(SystemError(.noEntry, "open").description == "open: No such file or directory (ENOENT)")
            #expect(Errno(rawValue: 9999).description == "errno 9999")
        }

        @Test func `is equal by number and call`() {
            #expect(SystemError(.noEntry, "open") == SystemError(.noEntry, "open"))
            #expect(SystemError(.noEntry, "open") != SystemError(.noEntry, "lstat"))
            #expect(SystemError(.noEntry, "open") != SystemError(.exists, "open"))
        }
    }
}
