# omendb: builds with PGXS against PostgreSQL 15 to 18.
#
#   make, make install, make installcheck, make uninstall, make clean
#                     as with any extension; PG_CONFIG= chooses the server
#   make install-vector
#                     also extension vector, omendb by pgvector's names, where
#                     pgvector is not installed; make uninstall-vector
#   make demo         nearest neighbours of real images, from a bare machine
#   make test         every test suite, on the installed PostgreSQL
#   make test-all     also on PostgreSQL 17 and 18, in chroots
#   make soak         all of what tests try a sample of otherwise
#   make mutants      break the sources on purpose, and see that tests notice
#   make bench        omendb beside pgvector in one server
#   make format       lay out the C sources; format-check only looks
#
# WERROR=1 turns on -Wall -Wextra -Werror, as CI does with gcc and clang.

PG_CONFIG ?= pg_config

# Two extensions of one library: omendb, and our index on pgvector's types,
# whose script is made of that of the first.
EXTENSION = omendb omendb_pgvector
DATA = omendb--1.0.sql
DATA_built = omendb_pgvector--1.0.sql
MODULE_big = omendb

# A third, for clusters that never had pgvector, which has pgvector's names.
VECTOR_CONTROL = pgvector/vector.control
VECTOR_SCRIPT = pgvector/vector--0.8.7.sql

# One line per layer depth, sorted so that the link order never depends on
# the file system.
SOURCES = $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJS = $(SOURCES:.c=.o)

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=omendb

# Header dependencies, one file for each object and one for its bitcode.
DEPS = $(OBJS:.o=.d) $(OBJS:.o=.bc.d)
EXTRA_CLEAN = $(DEPS) $(VECTOR_SCRIPT) build

PG_CPPFLAGS = -I$(srcdir)/src

# Codes in an index must be the same bytes on every CPU, so the compiler may
# not fuse a multiplication with an addition where the source does not.
PG_CFLAGS = -fvisibility=hidden -ffp-contract=off -MMD -MP

# Functions that PostgreSQL calls have signatures it prescribes, hence
# arguments that they do not use; its tables gain fields with its versions.
ifeq ($(WERROR),1)
PG_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS += -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-field-initializers
ifneq ($(findstring clang,$(CC)),)
# The server was built with gcc: its flags may name options, and its
# attribute for printf-like functions a format, that only gcc has.
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument \
	-Wno-ignored-attributes
endif
endif

all:

# The targets below must run on a machine that has neither the server's
# headers nor pg_config yet, so the include is guarded.
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(and $(PGXS),$(wildcard $(PGXS))),)
include $(PGXS)
BITCODE_CFLAGS += -ffp-contract=off -MMD -MP -MF $(@:.bc=.bc.d)
-include $(DEPS)
else
srcdir = .
all install installcheck uninstall clean:
	@echo "$@ needs PostgreSQL's server headers and pg_config:" >&2
	@echo "install postgresql-server-dev-NN, or set PG_CONFIG." >&2
	@false
endif

omendb_pgvector--1.0.sql: omendb--1.0.sql pgvector/derive pgvector/companion.sql
	$(srcdir)/pgvector/derive omendb_pgvector <$< >$@.new
	mv $@.new $@

$(VECTOR_SCRIPT): omendb--1.0.sql pgvector/derive pgvector/methods.sql
	mkdir -p $(dir $@)
	$(srcdir)/pgvector/derive vector <$< >$@.new
	mv $@.new $@

all: $(VECTOR_SCRIPT)

vector_folder = $(DESTDIR)$(datadir)/$(datamoduledir)

install-vector: $(VECTOR_SCRIPT) vector-is-ours
	$(MAKE) install
	$(MAKE) install-vector-files

# Of the extension vector alone, where the library is installed.
install-vector-files: $(VECTOR_SCRIPT) vector-is-ours
	$(MKDIR_P) '$(vector_folder)'
	$(INSTALL_DATA) $(srcdir)/$(VECTOR_CONTROL) $(VECTOR_SCRIPT) '$(vector_folder)/'

uninstall-vector: vector-is-ours
	rm -f '$(vector_folder)/$(notdir $(VECTOR_CONTROL))' '$(vector_folder)/$(notdir $(VECTOR_SCRIPT))'

vector-is-ours:
	@if [ -e '$(vector_folder)/vector.control' ] && \
		! grep -q omendb '$(vector_folder)/vector.control'; then \
		echo "$(vector_folder)/vector.control is another extension's, most likely pgvector's." >&2; \
		echo "Its columns need its library.  For our index on them, install omendb and CREATE EXTENSION omendb_pgvector." >&2; \
		false; \
	fi

.PHONY: install-vector install-vector-files uninstall-vector vector-is-ours
.PHONY: all demo test test-all soak mutants test/bare bench format format-check

demo:
	@bench/demo

test:
	@test/run

test-all:
	@test/run-all

soak:
	@test/run --soak

mutants:
	@test/mutants/run

test/bare:
	@test/bare

bench:
	@bench/run

FORMATTED = $(sort $(SOURCES) $(wildcard src/*.h src/*/*.h src/*/*/*.h) \
	$(wildcard test/unit/*.[ch] test/fuzz/*.[ch] test/perl/*.c))

format:
	test/format $(FORMATTED)

format-check:
	test/format --check $(FORMATTED)
