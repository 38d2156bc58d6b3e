# Each target is the command of the same name in .ci/dev.py, which needs only Python and git.
.PHONY: run test check lint types imports format laws crash bench lock clean
run test check lint types imports format laws crash bench lock clean:
	@python3 .ci/dev.py $@
