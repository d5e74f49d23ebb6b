import Base
import FuzzSupport
import Wire

/// However a stream of frames is cut, the decoder gives the steps that a plain reading of the whole of it gives, and the same error;
/// it never keeps more than its limits. And what a client sends in any fragments, with control frames between them, arrives.
/// The first byte of the input is the limit of a message, the second one says which kinds are taken.
func fuzzWebSocket(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(start, count)
    guard bytes.count >= 2 else { return 0 }
    var limits = WebSocketLimits(messageBytesMax: Int(bytes[0]))
    limits.fragmentsMax = 1 + Int(bytes[1] >> 4)
    limits.takesBinary = bytes[1] & 1 != 0
    let stream = Array(bytes.dropFirst(2))
    var random = PRNG(hashOf: bytes)

    let expected = Reading(stream, limits).events
    precondition(decode(stream, limits, ends: [stream.count]) == expected, "fed whole")
    let ends = Array(stride(from: 1, through: stream.count, by: 1))
    precondition(decode(stream, limits, ends: ends) == expected, "fed byte by byte")
    precondition(decode(stream, limits, ends: cuts(of: stream.count, &random)) == expected, "fed in pieces")

    checkSending(stream, &random)
    checkServerFrames(stream)
    return 0
}

enum Event: Equatable {
    case message(WebSocketDecoder.Kind, [UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, [UInt8])
    case failed(WebSocketError)
}

private func decode(_ stream: [UInt8], _ limits: WebSocketLimits, ends: [Int]) -> [Event] {
    var decoder = WebSocketDecoder(limits: limits)
    var events: [Event] = []
    var start = 0
    for end in ends {
        let piece = Array(stream[start..<end])
        start = end
        var position = 0
        do throws(WebSocketError) {
            feed: while true {
                switch try decoder.next(in: piece.span, from: &position) {
                case .needMore: break feed
                case .message(let kind): events.append(.message(kind, decoder.message))
                case .ping: events.append(.ping(decoder.control))
                case .pong: events.append(.pong(decoder.control))
                case .close(let code): events.append(.close(code?.rawValue, decoder.control))
                }
                precondition(decoder.message.count <= limits.messageBytesMax && decoder.control.count <= 125, "too much is kept")
            }
            precondition(position == piece.count, "bytes were left")
        } catch {
            events.append(.failed(error))
            return events
        }
    }
    return events
}

/// What `text` says when a client sends it in fragments of any length, and between them pings.
private func checkSending(_ text: [UInt8], _ random: inout PRNG) {
    var stream: [UInt8] = []
    var expected: [Event] = []
    let pieces = [0] + cuts(of: text.count, &random)
    for (index, end) in pieces.enumerated() {
        let start = index == 0 ? 0 : pieces[index - 1]
        if random.chance(1, in: 4) {
            let payload = Array(text.prefix(random.below(126)))
            appendFrame(0x89, payload, &random, to: &stream)
            expected.append(.ping(payload))
        }
        let final: UInt8 = index == pieces.count - 1 ? 0x80 : 0
        appendFrame(final | (index == 0 ? 0x2 : 0x0), Array(text[start..<end]), &random, to: &stream)
    }
    expected.append(.message(.binary, text))
    var limits = WebSocketLimits(messageBytesMax: text.count)
    limits.fragmentsMax = pieces.count
    limits.takesBinary = true
    precondition(decode(stream, limits, ends: cuts(of: stream.count, &random)) == expected, "what was sent did not arrive")
}

private func appendFrame(_ first: UInt8, _ payload: [UInt8], _ random: inout PRNG, to stream: inout [UInt8]) {
    stream.append(first)
    if payload.count < 126 {
        stream.append(0x80 | UInt8(payload.count))
    } else {
        stream += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    }
    let mask = (0..<4).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    stream += mask
    stream += payload.indices.map { payload[$0] ^ mask[$0 & 3] }
}

/// What the server writes has the shortest form and is the same written at once and in place.
private func checkServerFrames(_ text: [UInt8]) {
    var whole: [UInt8] = [1]
    WebSocketFrame.appendText(text.span, to: &whole)
    var inPlace: [UInt8] = [1]
    let mark = WebSocketFrame.begin(into: &inPlace)
    inPlace.append(text.span)
    WebSocketFrame.end(mark, into: &inPlace)
    precondition(whole == inPlace, "two ways to write one message differ")
    precondition(whole.count == 1 + text.count + (text.count < 126 ? 2 : 4), "not the shortest form")
    var close: [UInt8] = []
    WebSocketFrame.appendClose(.normal, reason: text.span, to: &close)
    precondition(close.count <= 127 && Int(close[1]) == close.count - 2, "a close frame that is too long")
}
