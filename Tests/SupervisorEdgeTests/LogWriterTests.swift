import Base
import Linux
import SupervisorCore
import Testing

@testable import SupervisorEdge

@Suite struct LogWriterTests {
    /// What one event with this text becomes.
    private static func line(_ text: String, _ format: LogSettings.Format) throws -> [UInt8] {
        let (reader, writer) = try DescriptorPair.pipe(nonblocking: true).release()
        defer {
            reader.close()
            writer.close()
        }
        var log = LogWriter(output: writer, format: format, level: .debug)
        log.write(LogEvent(.info, "a worker wrote to stderr", [.text("line", text), .number("count", 1)]))
        var room = [UInt8](repeating: 0, count: 16_384)
        var span = room.mutableSpan
        guard case .moved(let count) = try reader.read(into: &span) else { return [] }
        return Array(room[..<count])
    }

    private static let formats: [LogSettings.Format] = [.json, .text]

    @Test(arguments: Self.formats)
    func `no scalar splits a line or reaches a terminal as a command`(format: LogSettings.Format) throws {
        for value in Array(0...0x9F as ClosedRange<UInt32>) + Array(0x2000...0x206F) + [0xFEFF, 0xFFFF, 0x1F6D1] {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let line = try Self.line("<\(scalar)>", format)
            let text = try #require(String(validating: line, as: UTF8.self), "U+\(value) left bytes that are not UTF-8")
            let controls = text.unicodeScalars.dropLast().filter { scalar in
                scalar.properties.generalCategory == .control || [0x2028, 0x2029].contains(scalar.value)
                    || (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            }
            #expect(controls.isEmpty && line.last == 0x0A, "U+\(value)")
        }
    }

    @Test(arguments: Self.formats) func `what is escaped can be read back as JSON`(format: LogSettings.Format) throws {
        let text = "a\u{7F}b\u{85}c\u{9B}2Jd\u{1B}[31m\r\n\u{2028}\u{202E}\u{2066}é\"\\"
        let line = try String(decoding: Self.line(text, format), as: UTF8.self)
        let quoted = #""a\u007fb\u0085c\u009b2Jd\u001b[31m\r\n\u2028\u202e\u2066é\"\\""#
        #expect(line.contains(quoted), "\(line)")
    }

    @Test(arguments: Self.formats) func `a long text is cut, also in the middle of a character`(format: LogSettings.Format) throws
    {
        let line = try Self.line(String(repeating: "\u{9B}é", count: 5_000), format)
        #expect(line.count < 6 * LogWriter.fieldBytesMax && line.last == 0x0A)
        #expect(String(validating: line, as: UTF8.self) != nil)
    }

    @Test func `a reader that has gone costs nothing more`() async {
        await #expect(processExitsWith: .success) {
            try Signal.brokenPipe.ignore()
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            let (reader, writer) = pipe.release()
            var log = LogWriter(output: writer, format: .text, level: .info)
            // More than the pipe holds, so that lines wait.
            for _ in 0..<4_000 { log.write(LogEvent(.info, "a line of a log that nobody reads")) }
            let waited = log.hasPending
            #expect(waited)
            reader.close()
            log.flush()
            let waits = log.hasPending
            #expect(!waits)
            writer.close()
        }
    }
}
