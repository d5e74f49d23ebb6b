import Base
import FuzzSupport
import Wire

/// Whatever the id and the data of an event hold, a client reads exactly one event with that data, line ends made LF; the chunked
/// coding around it reads back to the same bytes; and a field value never begins a line of its own.
/// The first byte of the input says how many of the next bytes are the id.
func fuzzSSE(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(start, count)
    guard let first = bytes.first else { return 0 }
    let middle = Swift.min(1 + Int(first), bytes.count)
    let id = Array(bytes[1..<middle])
    let data = Array(bytes[middle...])

    var plain: [UInt8] = []
    SSE.appendMessage(data.span, to: &plain)
    var inPlace: [UInt8] = []
    let mark = SSE.begin(into: &inPlace)
    inPlace.append(data.span)
    SSE.end(mark, into: &inPlace)
    precondition(plain == inPlace, "two ways to write one event differ")

    var output: [UInt8] = []
    SSE.appendComment(to: &output)
    SSE.appendRetry(milliseconds: 5, to: &output)
    SSE.appendMessage(data.span, id: id.span, to: &output)
    SSE.appendEvent(name: "endpoint", data: data.span, to: &output)
    let lines = normalised(data)
    let expected = [
        Event(name: [], id: id.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, data: lines),
        Event(name: Array("endpoint".utf8), id: id.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, data: lines),
    ]
    precondition(Event.parse(output) == expected, "a client reads other events")

    checkChunks(output, bytes)
    checkFields(id, data)
    return 0
}

/// The data as a client gets it: every CRLF, CR and LF is one LF.
private func normalised(_ data: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    for (index, byte) in data.enumerated() {
        if byte == 0x0D {
            output.append(0x0A)
        } else if byte != 0x0A || index == 0 || data[index - 1] != 0x0D {
            output.append(byte)
        }
    }
    return output
}

/// One event of a reader that follows WHATWG HTML 9.2.6 line by line.
struct Event: Equatable {
    var name: [UInt8] = []
    var id: [UInt8] = []
    var data: [UInt8] = []

    static func parse(_ stream: [UInt8]) -> [Event] {
        var events: [Event] = []
        var event = Event()
        var hasData = false
        for line in normalised(stream).split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            if line.isEmpty {
                if hasData {
                    event.data.removeLast()
                    events.append(event)
                }
                event = Event(id: event.id)
                hasData = false
                continue
            }
            let field = line.prefix { $0 != 0x3A }
            var value = line.dropFirst(field.count + 1)
            if value.first == 0x20 { value = value.dropFirst() }
            if field.elementsEqual("data".utf8) {
                event.data += value + [0x0A]
                hasData = true
            } else if field.elementsEqual("event".utf8) {
                event.name = Array(value)
            } else if field.elementsEqual("id".utf8), !value.contains(0) {
                event.id = Array(value)
            } else {
                precondition(field.isEmpty || field.elementsEqual("retry".utf8), "an unknown field")
            }
        }
        return events
    }
}

/// Writes `body` in chunks and reads it back with the request decoder, which knows the same coding.
private func checkChunks(_ body: [UInt8], _ bytes: [UInt8]) {
    var random = PRNG(hashOf: bytes)
    var message = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    var position = 0
    for end in cuts(of: body.count, &random) {
        HTTPChunk.append(body.span.extracting(position..<end), to: &message)
        position = end
    }
    HTTPChunk.appendLast(to: &message)
    var decoder = HTTPRequestDecoder(limits: HTTPLimits(bodyBytesMax: 1 << 20))
    do throws(HTTPRefusal) {
        _ = try decoder.decode(message.span)
        guard case .request(let read, message.count) = try decoder.decode(message.span) else {
            preconditionFailure("the chunks do not end where they were ended")
        }
        switch read {
        case .none: precondition(body.isEmpty, "the body was lost")
        case .inline(let range): precondition(message.span.extracting(range.range).equals(body.span), "another body")
        case .chunked: precondition(decoder.chunkedBody == body, "another body")
        }
    } catch .chunkFramingTooLong {
        // Expected: chunks of a few bytes over more than 64 KiB.
    } catch {
        preconditionFailure("the chunks were refused")
    }
}

/// A response with values from the input has as many lines as it was given fields.
private func checkFields(_ value: [UInt8], _ date: [UInt8]) {
    var extra = HTTPFields()
    extra.append("Mcp-Session-Id", value.span)
    extra.append("Location", date.span)
    var output: [UInt8] = []
    HTTPResponseHead(status: 200, contentType: HTTPContentType.json, framing: .length(0), extra: extra).append(
        to: &output, date: date.span)
    let ends = output.indices.filter { output[$0] == 0x0A }
    precondition(ends.allSatisfy { output[$0 - 1] == 0x0D }, "a bare LF")
    precondition(output.count { $0 == 0x0D } == ends.count, "a bare CR")
    precondition(ends.count == (date.isEmpty ? 11 : 12), "a value began a line")
    precondition(!output.contains { $0 < 0x20 && $0 != 0x0D && $0 != 0x0A }, "a control byte")
}
