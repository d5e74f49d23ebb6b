import Base
import Linux
import SupervisorCore
import Wire

/// Renders log events as JSON or text lines on stderr. Never waits: what does not fit into the pipe is kept up to a limit, then
/// dropped, and the number of dropped lines is told as soon as there is room again.
struct LogWriter: ~Copyable {
    private let output: FileDescriptor
    private let format: LogSettings.Format
    private let level: LogEvent.Level
    private var pending: [UInt8] = []
    private var dropped = 0

    /// Bytes that wait for a reader of stderr.
    static let pendingBytesMax = 1 << 20
    /// A longer text field is cut.
    static let fieldBytesMax = 1_024

    init(output: FileDescriptor, format: LogSettings.Format, level: LogEvent.Level) {
        self.output = output
        self.format = format
        self.level = level
    }

    mutating func write(_ event: LogEvent) {
        guard event.level >= self.level else { return }
        guard self.pending.count < Self.pendingBytesMax else {
            self.dropped += 1
            return
        }
        if self.dropped > 0 {
            let dropped = self.dropped
            self.dropped = 0
            self.render(LogEvent(.warning, "log lines were dropped because stderr was not read", [.number("lines", dropped)]))
        }
        self.render(event)
        self.flush()
    }

    /// Whether lines wait for the reader of stderr.
    var hasPending: Bool { !self.pending.isEmpty }

    /// Writes what the descriptor takes without waiting.
    mutating func flush() {
        var written = 0
        // Bound: a pipe that polls writable takes this much at once without blocking (PIPE_BUF).
        while written < self.pending.count, self.output.isWritableNow {
            let end = Swift.min(written + 4_096, self.pending.count)
            let transfer: Transfer
            do {
                transfer = try self.output.write(self.pending.span.extracting(written..<end))
            } catch {
                // Nobody reads stderr any more; there is nobody to tell.
                self.pending.removeAll(keepingCapacity: false)
                return
            }
            // Expected: `wouldBlock` where somebody who shares stderr made it non-blocking.
            guard case .moved(let count) = transfer else { break }
            written += count
        }
        if written > 0 { self.pending.removeSubrange(0..<written) }
    }

    private mutating func render(_ event: LogEvent) {
        let now = SystemClock.wallNanoseconds()
        switch self.format {
        case .json: Self.appendJSON(event, now, to: &self.pending)
        case .text: Self.appendText(event, now, to: &self.pending)
        }
    }

    private static func appendJSON(_ event: LogEvent, _ now: Int64, to line: inout [UInt8]) {
        line.append(#"{"time":""#)
        Timestamp.append(nanosecondsSince1970: now, to: &line)
        line.append(#"","level":""#)
        line.append(contentsOf: "\(event.level)".utf8)
        line.append(#"","message":"#)
        line.appendJSON(string: event.message.text)
        for field in event.fields {
            line.append(0x2C)
            line.appendJSON(string: field.name.text)
            line.append(0x3A)
            switch field.value {
            case .number(let number): line.append(decimal: number)
            case .text(let text): Self.appendQuoted(text, to: &line)
            }
        }
        line.append("}\n")
    }

    private static func appendText(_ event: LogEvent, _ now: Int64, to line: inout [UInt8]) {
        Timestamp.append(nanosecondsSince1970: now, to: &line)
        line.append(0x20)
        line.append(contentsOf: "\(event.level): ".utf8)
        line.append(event.message.text)
        for field in event.fields {
            line.append(0x20)
            line.append(field.name.text)
            line.append(0x3D)
            switch field.value {
            case .number(let number): line.append(decimal: number)
            case .text(let text): Self.appendQuoted(text, to: &line)
            }
        }
        line.append(0x0A)
    }

    /// As a JSON string, so that no line is split, and with what JSON lets through and a terminal obeys escaped as well: DEL, the C1
    /// controls (U+009B begins a command as ESC [ does), and what turns the order of the letters around.
    private static func appendQuoted(_ text: String, to line: inout [UInt8]) {
        var quoted: [UInt8] = []
        quoted.appendJSON(string: Self.cut(text))
        var position = 0
        while position < quoted.count {  // Bound: every round passes at least one byte of a cut text.
            let (length, scalar) = Self.terminalControl(quoted.span, at: position)
            if let scalar {
                line.append("\\u")
                for shift in [12, 8, 4, 0] { line.append(ASCII.hexDigit(UInt8(scalar >> shift & 0x0F))) }
            } else {
                line.append(quoted[position])
            }
            position += length
        }
    }

    /// How many bytes of well-formed UTF-8 stand for one thing at `offset`, and the scalar if it must be escaped.
    private static func terminalControl(_ text: Span<UInt8>, at offset: Int) -> (length: Int, scalar: UInt16?) {
        let rest = text.count - offset
        switch text[offset] {
        case 0x7F: return (1, 0x7F)
        case 0xC2 where rest > 1 && text[offset + 1] < 0xA0: return (2, UInt16(text[offset + 1]))
        case 0xE2 where rest > 2:
            let scalar = 0x2000 | UInt16(text[offset + 1] & 0x3F) << 6 | UInt16(text[offset + 2] & 0x3F)
            switch scalar {
            case 0x202A...0x202E, 0x2066...0x2069: return (3, scalar)
            default: return (1, nil)
            }
        default: return (1, nil)
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > Self.fieldBytesMax else { return text }
        return String(decoding: text.utf8.prefix(Self.fieldBytesMax), as: UTF8.self) + "…"
    }
}
