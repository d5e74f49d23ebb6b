/* What Swift cannot call by itself: SQLite's variadic configuration calls, as inline functions of fixed shape. */
#pragma once
#include <sqlite3.h>

#pragma clang assume_nonnull begin

/* Process-wide options. All of them must be set before sqlite3_initialize. */
static inline int csqlite_config(int option) { return sqlite3_config(option); }
static inline int csqlite_config_int(int option, int value) { return sqlite3_config(option, value); }
static inline int csqlite_config_mmap(sqlite3_int64 size, sqlite3_int64 sizeMax) {
    return sqlite3_config(SQLITE_CONFIG_MMAP_SIZE, size, sizeMax);
}

/* Sets an on/off option of one connection and reads it back: SQLITE_OK only when the option really has the value now. */
static inline int csqlite_db_config(sqlite3 *database, int option, int value) {
    int now = -1;
    int result = sqlite3_db_config(database, option, value, &now);
    if (result != SQLITE_OK) return result;
    return now == value ? SQLITE_OK : SQLITE_ERROR;
}

/* The text is copied before the call returns. */
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int count) {
    return sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}

#pragma clang assume_nonnull end
