import Base
import Testing
import Wire

/// What a decoder says about a stream, however it is cut.
struct WebSocketTranscript: Equatable {
    enum Event: Equatable {
        case text(String)
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(UInt16?, String)
    }

    private(set) var events: [Event] = []
    private(set) var error: WebSocketError?
    /// The stream ended inside of a message or frame.
    private(set) var isTorn = false

    init(_ stream: [UInt8], limits: WebSocketLimits, ends: [Int]) {
        var decoder = WebSocketDecoder(limits: limits)
        var start = 0
        do throws(WebSocketError) {
            for end in ends {
                try self.feed(Array(stream[start..<end]), &decoder)
                start = end
            }
            self.isTorn = decoder.isInsideMessage
        } catch {
            self.error = error
        }
    }

    private mutating func feed(_ piece: [UInt8], _ decoder: inout WebSocketDecoder) throws(WebSocketError) {
        var position = 0
        while true {
            switch try decoder.next(in: piece.span, from: &position) {
            case .needMore:
                #expect(position == piece.count)
                return
            case .message(.text): self.events.append(.text(String(decoding: decoder.message, as: UTF8.self)))
            case .message(.binary): self.events.append(.binary(decoder.message))
            case .ping: self.events.append(.ping(decoder.control))
            case .pong: self.events.append(.pong(decoder.control))
            case .close(let code):
                self.events.append(.close(code?.rawValue, String(decoding: decoder.control, as: UTF8.self)))
            }
        }
    }

    /// The transcript of `stream`, after checking that every chunking gives the same one.
    static func of(
        _ stream: [UInt8], limits: WebSocketLimits = .standard, sourceLocation: SourceLocation = #_sourceLocation
    ) -> Self {
        let whole = Self(stream, limits: limits, ends: [stream.count])
        for ends in Chunkings(count: stream.count) {
            let cut = Self(stream, limits: limits, ends: ends)
            #expect(cut == whole, "cut at \(ends.prefix(3)) of \(stream.count)", sourceLocation: sourceLocation)
        }
        return whole
    }
}

/// A frame as a client sends it. `length` writes another length than the payload has, `width` a longer form of it.
func clientFrame(
    _ first: UInt8, _ payload: [UInt8] = [], mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D], length: UInt64? = nil, width: Int? = nil
) -> [UInt8] {
    let length = length ?? UInt64(payload.count)
    let width = width ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8)
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    var frame = [first, maskBit | (width == 0 ? UInt8(length) : width == 2 ? 126 : 127)]
    for index in 0..<width { frame.append(UInt8(truncatingIfNeeded: length >> UInt64((width - 1 - index) * 8))) }
    guard let mask else { return frame + payload }
    return frame + mask + payload.indices.map { payload[$0] ^ mask[$0 % 4] }
}

func clientFrame(_ first: UInt8, _ payload: String) -> [UInt8] { clientFrame(first, Array(payload.utf8)) }
