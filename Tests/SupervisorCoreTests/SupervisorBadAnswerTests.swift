import Base
import Testing
import Wire

@testable import SupervisorCore

/// Answers of workers that no client can be given.
@Suite struct SupervisorBadAnswerTests {
    @Test(arguments: [
        #""result":null"#, #""result":1"#, #""result":{},"error":{"code":1,"message":"x"}"#, #""error":{}"#,
        #""error":{"code":1.5,"message":"x"}"#,
    ])
    func `an answer that is not valid fails its call at once`(answer: String) throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(id: "\"a\""))
        let id = try #require(try rig.worker.request()["id"])
        try rig.worker.write(#"{"jsonrpc":"2.0","id":\#(id),\#(answer)}"#)
        let reply = try client.reply()
        #expect(reply.status == 200 && reply.code == -32603 && reply.json["id"] == "a")
        #expect(rig.callCount == 0)
        try rig.worker.write(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
        #expect(!client.hasReply, "the call has had its answer")
    }
}
