import Base
import Testing
import Wire

@testable import SupervisorCore

/// Which methods which path serves, and what those hear that ask by another.
@Suite struct SupervisorMethodTests {
    /// On every path: exactly what it serves.
    @Test(arguments: [
        ("/mcp", "GET, POST, DELETE"), ("/servers/only/mcp", "GET, POST, DELETE"), ("/health", "GET, HEAD"),
        ("/ready", "GET, HEAD"),
    ])
    func `a method that is not served is told those that are`(path: String, allowed: String) throws {
        let cors = #""cors":{"origins":["https://app.example"]}"#
        for (rig, allowed) in [(try Rig(), allowed), (try Rig(.legacy, cors), allowed + ", OPTIONS")] {
            for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH", "TRACE", "CONNECT"] {
                let reply = try rig.ask(RigText.request(method, path), toHead: method == "HEAD")
                let isServed = allowed.components(separatedBy: ", ").contains(method)
                #expect((reply.status != 405) == isServed, "\(method)")
                #expect(reply["allow"] == (isServed ? nil : allowed), "\(method)")
            }
            #expect(try rig.ask(RigText.request("BREW", path)).status == 501)
        }
    }

    @Test func `a tunnel is asked for where nothing is served, and ends its connection`() throws {
        let rig = try Rig()
        let client = try rig.send(
            "CONNECT localhost HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let reply = try client.reply()
        #expect(reply.status == 405 && reply["allow"] == "" && !reply.keepsAlive)
        #expect(!client.hasReply && client.isShut)
        #expect(try rig.ask("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n").status == 403)
        #expect(try rig.ask(RigText.request("TRACE", "/none")).status == 404)
    }
}
