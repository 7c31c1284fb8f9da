@echo off
rem Deletes everything and goes back to a first start: pulsecart reset. Asks first; --help shows its options.
node "%~dp0..\bin\pulsecart.mjs" reset %*
exit /b %errorlevel%
