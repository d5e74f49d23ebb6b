import Base
import Testing
import Wire

@testable import SupervisorCore

@Suite struct SupervisorRigTests {
    @Test(arguments: Rig.Back.allCases) func `a modern call goes to the worker and back`(back: Rig.Back) throws {
        let rig = try Rig(back)
        let client = try rig.send(RigText.modernCall(id: #""a""#))
        let request = try rig.worker.request()
        #expect(request["method"] == "tools/call")
        try rig.worker.answer(request, #"{"content":[]}"#)
        let reply = try client.reply()
        #expect(reply.status == 200)
        #expect(reply["content-type"] == "application/json")
        #expect(reply.json["id"] == "a")
        #expect(reply.json["result"]?["content"] == [])
        #expect(client.isOpen)
    }

    @Test(arguments: Rig.Back.allCases) func `a legacy call goes to the worker and back`(back: Rig.Back) throws {
        let rig = try Rig(back)
        let session = try rig.session()
        let client = try rig.send(RigText.legacyCall(session: session, id: "7"))
        let request = try rig.worker.request()
        try rig.worker.answer(request, #"{"content":[]}"#)
        #expect(try client.reply().json == ["jsonrpc": "2.0", "id": 7, "result": ["content": []]])
    }
}
