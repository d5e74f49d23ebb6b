import Base
import Wire

/// A JSON object as production code meets it: bytes, and the table of its members.
struct JSONObject {
    let bytes: [UInt8]
    let members: JSONMembers

    init(_ text: String) throws {
        let bytes = [UInt8](text.utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        try scanner.scanObject(bytes.span, at: ByteRange(0, bytes.count), into: &members)
        self.bytes = bytes
        self.members = members
    }

    var range: ByteRange { ByteRange(0, self.bytes.count) }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
