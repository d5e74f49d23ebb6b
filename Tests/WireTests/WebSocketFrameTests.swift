import Base
import Testing
import Wire

@Suite struct WebSocketFrameTests {
    private static func written(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
        var output: [UInt8] = [0x7E]
        write(&output)
        #expect(output.first == 0x7E)
        return Array(output.dropFirst())
    }

    @Test func `the unmasked examples of RFC 6455 5_7 are written`() {
        let hello = Array("Hello".utf8)
        #expect(Self.written { WebSocketFrame.appendText(hello.span, to: &$0) } == [0x81, 0x05] + hello)
        #expect(Self.written { WebSocketFrame.appendPing(hello.span, to: &$0) } == [0x89, 0x05] + hello)
        #expect(Self.written { WebSocketFrame.appendPong(hello.span, to: &$0) } == [0x8A, 0x05] + hello)
        #expect(Self.written { WebSocketFrame.appendPing([UInt8]().span, to: &$0) } == [0x89, 0x00])
    }

    @Test(
        arguments: [
            (0, [0x00]), (1, [0x01]), (125, [0x7D]), (126, [0x7E, 0x00, 0x7E]), (256, [0x7E, 0x01, 0x00]),
            (65_535, [0x7E, 0xFF, 0xFF]),
            (65_536, [0x7F, 0, 0, 0, 0, 0, 1, 0, 0]), (70_000, [0x7F, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
        ] as [(Int, [UInt8])])
    func `lengths have the shortest form, written at once or in place`(count: Int, length: [UInt8]) {
        let text = (0..<count).map { 0x20 + UInt8($0 % 64) }
        let expected = [0x81] + length + text
        #expect(Self.written { WebSocketFrame.appendText(text.span, to: &$0) } == expected)
        let inPlace = Self.written { output in
            let mark = WebSocketFrame.begin(into: &output)
            output.append(text.span)
            WebSocketFrame.end(mark, into: &output)
        }
        #expect(inPlace == expected)
    }

    @Test func `a close frame carries code and reason`() {
        #expect(Self.written { WebSocketFrame.appendClose(.goingAway, to: &$0) } == [0x88, 0x02, 0x03, 0xE9])
        #expect(
            Self.written { WebSocketFrame.appendClose(.serviceRestart, reason: "bye", to: &$0) }
                == [0x88, 0x05, 0x03, 0xF4] + Array("bye".utf8))
        let reason = Array(WebSocketError.messageTooBig.reason.description.utf8)
        #expect(
            Self.written { WebSocketFrame.appendClose(.messageTooBig as WebSocketError, to: &$0) }
                == [0x88, UInt8(reason.count + 2), 0x03, 0xF1] + reason)
    }

    @Test func `the answer to a close frame repeats its code`() {
        #expect(Self.written { WebSocketFrame.appendCloseAnswer(nil, to: &$0) } == [0x88, 0x00])
        #expect(Self.written { WebSocketFrame.appendCloseAnswer(.normal, to: &$0) } == [0x88, 0x02, 0x03, 0xE8])
    }

    @Test(arguments: 0..<8)
    func `a reason that is too long is cut between characters`(offset: Int) {
        let reason = Array((String(repeating: "x", count: 115 + offset) + "€😀€").utf8)
        let frame = Self.written { WebSocketFrame.appendClose(.policyViolation, reason: reason.span, to: &$0) }
        #expect(Int(frame[1]) == frame.count - 2 && frame[1] <= 125 && frame[1] > 121)
        let kept = String(validating: frame.dropFirst(4), as: UTF8.self)
        #expect(kept.map { Array($0.utf8) } == Array(reason.prefix(frame.count - 4)))
    }

    @Test func `what must not be sent is a bug`() async {
        await #expect(processExitsWith: .failure) {
            var output: [UInt8] = []
            WebSocketFrame.appendClose(WebSocketCloseCode(rawValue: 1006), to: &output)
        }
        await #expect(processExitsWith: .failure) {
            var output: [UInt8] = []
            WebSocketFrame.appendPing([UInt8](repeating: 0, count: 126).span, to: &output)
        }
    }
}
