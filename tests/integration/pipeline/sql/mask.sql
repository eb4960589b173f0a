-- Run by the environment of these tests before anybody can log in.
UPDATE customers SET email = 'masked' || id || '@example.com';
