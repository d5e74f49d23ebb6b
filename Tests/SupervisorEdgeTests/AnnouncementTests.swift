import Base
import SupervisorCore
import Testing

@testable import SupervisorEdge

@Suite struct AnnouncementTests {
    private static func text(_ listen: String, hosts: String = #"["auto"]"#, needsKey: Bool = false) throws -> String {
        let file = #"{"hosts": \#(hosts)}"#
        let loaded = ConfigurationLoader.load(.init(file: [UInt8](file.utf8)))
        let configuration = try #require(loaded.configuration)
        let endpoints = try ListenAddress.parse(listen).map { Endpoint(asked: $0, bound: $0, requiresCredential: needsKey) }
        return Announcement(endpoints: endpoints, hosts: configuration.hosts).text
    }

    @Test func `a loopback address is tried as it is`() throws {
        let text = try Self.text("127.0.0.1:8000")
        #expect(text.contains("\n  http://127.0.0.1:8000/mcp\n"))
        #expect(text.contains("curl -s http://127.0.0.1:8000/mcp \\\n"))
        #expect(!text.contains("Host:") && !text.contains("Authorization"))
    }

    @Test func `where a key is needed, the line has a place for it`() throws {
        #expect(try Self.text("127.0.0.1:8000", needsKey: true).contains("/mcp -H 'Authorization: Bearer YOUR_KEY' \\\n"))
    }

    @Test(arguments: [("0.0.0.0:80", "http://127.0.0.1:80/mcp"), ("[::]:80", "http://[::1]:80/mcp")])
    func `every address of the machine is tried by a name that is accepted`(listen: String, url: String) throws {
        let text = try Self.text(listen, hosts: #"["auto", "mcp.example.com"]"#)
        #expect(text.contains("curl -s \(url) -H 'Host: mcp.example.com' \\\n"))
    }

    @Test(arguments: ["0.0.0.0:80", "[::]:80"])
    func `without such a name it says which key to set`(listen: String) throws {
        let text = try Self.text(listen)
        #expect(text.contains(#""hosts": ["auto", "mcp.example.com"]"#))
        #expect(!text.contains("curl"))
    }

    @Test func `a Unix socket is reached through curl's option`() throws {
        let text = try Self.text("unix:/run/a.sock")
        #expect(text.contains("\n  unix:/run/a.sock\n"))
        #expect(text.contains("curl -s --unix-socket '/run/a.sock' http://localhost/mcp \\\n"))
    }

    @Test func `an inherited Unix socket is named as it was asked for, since its path is not known`() {
        let endpoint = Endpoint(asked: .inherited(name: "web"), bound: .unix(path: "/"), requiresCredential: false)
        let text = Announcement(endpoints: [endpoint], hosts: Configuration.standard.hosts).text
        #expect(text.contains("\n  fd:web\n"))
        #expect(!text.contains("curl"))
    }
}
